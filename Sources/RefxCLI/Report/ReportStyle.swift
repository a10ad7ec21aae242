/// The style of a report: light and dark, wide and narrow, on paper.
enum ReportStyle {
  static let text = #"""

    :root {
      color-scheme: light dark;
      --page: #fbfcfd; --card: #ffffff; --line: #dbe1e8; --text: #18212b; --faint: #566473; --soft: #eef2f6;
      --accent: #1a66b8; --bar: #5b9bd5; --tied: #8a5a00; --tied-soft: #fff1cc; --chosen: #dcebfa;
      --structure: #8e44ad; --topology: #8a5a00; --collection: #0f7681; --type: #b0307a; --value: #b83227;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #10151a; --card: #171e25; --line: #2e3944; --text: #e4eaf0; --faint: #9dacbb; --soft: #212a33;
        --accent: #72b5f5; --bar: #3d7ab5; --tied: #f0c04a; --tied-soft: #3a2f12; --chosen: #1f3a55;
        --structure: #cb95ea; --topology: #f0c04a; --collection: #56c6d1; --type: #f08cc6; --value: #f58476;
      }
    }
    * { box-sizing: border-box }
    html { -webkit-text-size-adjust: 100% }
    body {
      margin: 0 auto; padding: 0 20px 40px; max-width: 1400px; background: var(--page); color: var(--text);
      font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
    }
    header { padding: 22px 0 4px }
    h1 { margin: 0; font-size: 24px; overflow-wrap: anywhere }
    h2 { margin: 0 0 10px; font-size: 16px }
    h3 { margin: 14px 0 4px; font-size: 14px }
    p { margin: 4px 0 }
    .sum { font-size: 16px; color: var(--faint) }
    .faint { color: var(--faint) }
    section, .pane {
      margin-top: 16px; padding: 14px 16px; background: var(--card); border: 1px solid var(--line);
      border-radius: 10px; min-width: 0;
    }
    .cards { display: grid; gap: 16px; margin-top: 16px; grid-template-columns: repeat(3, minmax(0, 1fr)) }
    .cards > section { margin-top: 0 }
    code, .code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px }
    .code { overflow-wrap: anywhere }
    button, input[type=search] {
      font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 7px;
      padding: 4px 10px; min-height: 32px;
    }
    button { cursor: pointer }
    button:hover { background: var(--soft) }
    button.link {
      border: 0; background: none; padding: 1px 0; min-height: 0; color: var(--accent); text-align: left;
      overflow-wrap: anywhere;
    }
    button.link:hover { text-decoration: underline }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }

    .bars { display: grid; grid-template-columns: minmax(60px, max-content) minmax(30px, 1fr) max-content }
    .bars > * { padding: 3px 0 }
    .bars .label { padding-right: 10px; overflow-wrap: anywhere; max-width: 16em }
    .bars .size { padding-left: 10px; text-align: right; font-variant-numeric: tabular-nums }
    .meter { display: flex; align-items: center }
    .meter i { display: block; height: 12px; min-width: 2px; background: var(--bar); border-radius: 3px }

    .tools { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-bottom: 8px }
    .tools input[type=search] { flex: 1 1 200px; min-width: 0 }
    .tools label { display: inline-flex; gap: 5px; align-items: center; white-space: nowrap }
    .split { display: grid; grid-template-columns: minmax(0, 1fr) 380px; gap: 16px }
    .tree {
      position: relative; height: 560px; max-height: 75vh; overflow: auto; border: 1px solid var(--line);
      border-radius: 8px; background: var(--page);
    }
    .tree:focus-visible { outline-offset: -2px }
    .room { position: relative; overflow: hidden }
    .row {
      position: absolute; left: 0; right: 0; height: 30px; display: flex; align-items: center; gap: 8px;
      padding-right: 10px; white-space: nowrap; cursor: default;
    }
    .row:hover { background: var(--soft) }
    .row[aria-selected=true] { background: var(--chosen) }
    .row .turn { flex: none; width: 20px; text-align: center; color: var(--faint); cursor: pointer }
    .row .name { flex: 0 1 auto; overflow: hidden; text-overflow: ellipsis; min-width: 2em }
    .row .space { flex: 1 }
    .row .type {
      flex: 0 1 11em; overflow: hidden; text-overflow: ellipsis; color: var(--faint); font-size: 13px; text-align: right;
    }
    .row .size { flex: none; width: 5.4em; text-align: right; font-variant-numeric: tabular-nums; font-size: 13px }
    .row svg { flex: none }
    .tag {
      flex: none; border: 0; border-radius: 9px; padding: 0 8px; min-height: 0; font-size: 12px; line-height: 19px;
      background: var(--soft); color: var(--faint); max-width: 12em; overflow: hidden; text-overflow: ellipsis;
    }
    .tag.tied, button.tag.tied:hover { background: var(--tied-soft); color: var(--tied); font-weight: 600 }
    .tag.change { border: 1px solid; background: none; line-height: 17px }
    .structure { color: var(--structure) } .topology { color: var(--topology) } .type-kind { color: var(--type) }
    .collection { color: var(--collection) } .value { color: var(--value) }

    .detail { margin: 0; align-self: start; position: sticky; top: 10px; max-height: 96vh; overflow: auto }
    .facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 14px; margin: 0 }
    .facts dt { color: var(--faint) }
    .facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
    .histogram { width: 100%; height: auto; display: block; margin-top: 6px }
    .histogram text { font-size: 11px; fill: var(--faint) }
    .histogram .bin, .spark rect { fill: var(--bar) }
    .histogram .axis { stroke: var(--line) }
    ul.sites { margin: 0; padding-left: 18px }

    .scroll { overflow-x: auto }
    table { border-collapse: collapse; width: 100% }
    th { text-align: left; font-weight: 600; color: var(--faint); font-size: 13px; white-space: nowrap }
    th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top }
    td { overflow-wrap: anywhere; min-width: 5em }
    .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
    td .meter { width: 90px } td .meter i { background: var(--value); height: 9px }
    details > summary { cursor: pointer; font-weight: 600; padding: 4px 0 }
    pre { margin: 6px 0 0; white-space: pre-wrap; overflow-wrap: anywhere }
    .kinds { display: flex; flex-wrap: wrap; gap: 6px 16px; margin-bottom: 6px }

    @media (max-width: 1000px) {
      .split { grid-template-columns: minmax(0, 1fr) }
      .detail { position: static; max-height: none }
    }
    @media (max-width: 760px) {
      body { padding: 0 10px 30px }
      .cards { grid-template-columns: minmax(0, 1fr); gap: 12px }
      section, .pane { padding: 12px; margin-top: 12px }
      .row .tag.group, .row svg, .row .type { display: none }
      .row .tag.change { width: 12px; height: 12px; padding: 0; color: transparent; border-width: 6px; overflow: hidden }
      .row .tag.change.structure { border-color: var(--structure) }
      .row .tag.change.topology { border-color: var(--topology) }
      .row .tag.change.collection { border-color: var(--collection) }
      .row .tag.change.type-kind { border-color: var(--type) }
      .row .tag.change.value { border-color: var(--value) }
      thead { display: none }
      table, tbody { display: block }
      tr { display: flex; flex-wrap: wrap; gap: 2px 14px; padding: 6px 0; border-bottom: 1px solid var(--line) }
      td { border: 0; padding: 0; min-width: 0 }
      td:last-child:not([data-title]), td.path { flex-basis: 100% }
      td[data-title]:not(:empty)::before { content: attr(data-title) " "; color: var(--faint); font-size: 12px }
      .row { height: 34px }
      .tree { height: 60vh }
      button, input[type=search] { min-height: 36px }
      button.link, button.tag { min-height: 24px }
    }
    @media print {
      body { max-width: none; padding: 0 }
      .tools, .detail { display: none }
      .split { display: block }
      .tree { height: auto; max-height: none; overflow: visible }
      .room { height: auto; overflow: visible }
      .row { position: static; transform: none; break-inside: avoid }
      section, .pane { break-inside: auto; border: 0; padding: 0 }
      h1, h2, h3, summary { break-after: avoid }
      tr { break-inside: avoid }
      button.more { display: none }
      .meter i, .tag { print-color-adjust: exact; -webkit-print-color-adjust: exact }
    }

    """#
}
