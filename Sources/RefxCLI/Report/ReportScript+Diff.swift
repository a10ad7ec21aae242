extension ReportScript {
  /// The panel of what differs, and of one node.
  static let detail = #"""
    const kindNames = ["structure", "topology", "collection", "type", "value"];
    const kindClass = kind => kind === "type" ? "type-kind" : kind;
    const sizeOf = value => value === null ? -1 : typeof value === "string" ? Infinity : value;
    const largest = {
      structure: row => row.leaves || 0, topology: row => row.paths.length, collection: () => 0, type: () => 0,
      value: row => sizeOf(row.maxAbs),
    };
    const pathsOf = row => row.paths || [row.path];
    const sets = rows => rows.map(set => set.map(path => shown(pathText(path))).join(" = ")).join("; ");

    const columns = {
      structure: [["change", row => row.change], ["from", row => row.from === null ? "" : visible(row.from)],
        ["to", row => row.newPath ? goButton(pathText(row.newPath)) : row.to === null ? "" : visible(row.to)],
        ["arrays", row => row.leaves ? short(row.leaves) : "", true]],
      topology: [["change", row => row.change], ["from", row => sets(row.from)], ["to", row => sets(row.to)]],
      collection: [["from", row => tagText(row.from)], ["to", row => tagText(row.to)]],
      type: [["from", row => typeText(row.from)], ["to", row => typeText(row.to)]],
      value: [["changed", row => short(row.changed) + " of " + short(row.count), true],
        ["max abs", row => short(row.maxAbs), true], ["max rel", row => short(row.maxRel), true],
        ["rms", row => short(row.rms), true]],
    };

    const diffPanel = () => {
      const panel = element("section", { "aria-labelledby": "diff" }, element("h2", { id: "diff" },
        "What changed to " + visible(data.other.file)));
      if (data.diff.equal) {
        panel.append(element("p", {}, data.has.values ? "Nothing: the two are equal." : "Nothing but values, which were not read."));
        return panel;
      }
      panel.append(element("p", { class: "kinds" }, ...kindNames.map(kind => element("span",
        { class: data.diff.counts[kind] ? kindClass(kind) : "faint" }, kind + " " + short(data.diff.counts[kind])))));
      for (const kind of kindNames) {
        const rows = data.diff[kind].map((row, place) => ({ row, place, size: largest[kind](row) }));
        if (!rows.length) continue;
        rows.sort((a, b) => b.size - a.size || a.place - b.place);
        // By orders of magnitude, from a tenth of the smallest.
        const finite = rows.map(({ size }) => size).filter(size => size > 0 && Number.isFinite(size));
        const most = Math.log10(largestOf(finite) || 1), least = most - largestOf(finite.map(size => most - Math.log10(size))) - 1;
        const share = size => size === Infinity ? 1 : size > 0 ? (Math.log10(size) - least) / (most - least) : 0;
        const body = element("tbody");
        const more = some(rows, ({ row, size }) => element("tr", {},
          element("td", { class: "path" }, ...pathsOf(row).slice(0, 6).map(path => element("div", {}, goButton(pathText(path)))),
            pathsOf(row).length > 6 ? "… " + short(pathsOf(row).length) + " paths" : null),
          ...columns[kind].map(([title, text, isNumber]) => element("td", { class: isNumber ? "number" : null, "data-title": title }, text(row))),
          kind === "value" ? element("td", {}, meter(share(size))) : null), body, 25);
        panel.append(element("details", { open: "" }, element("summary", { class: kindClass(kind) }, kind + " ", short(rows.length)),
          element("div", { class: "scroll" }, element("table", {}, element("thead", {}, element("tr", {},
            element("th", { scope: "col" }, "path"),
            ...columns[kind].map(([title, , isNumber]) => element("th", { scope: "col", class: isNumber ? "number" : null }, title)),
            kind === "value" ? element("th", { scope: "col" }, "magnitude") : null)), body)), more));
      }
      return panel;
    };

    const markChanges = () => {
      if (!data.diff) return;
      for (const kind of kindNames) {
        for (const row of data.diff[kind]) {
          for (const path of pathsOf(row)) {
            let node = byPath.get(pathText(path));
            // What was added stands in the other file alone: its nearest parent here tells of it.
            if (!node) {
              const keys = [...path];
              while (!node && keys.length) { keys.pop(); node = byPath.get(pathText(keys)); }
            } else {
              node.kinds = node.kinds || new Set();
              node.kinds.add(kind);
            }
            for (let place = node; place; place = place.parent) place.changes += 1;
          }
        }
      }
    };

    let isLogarithmic = false;
    const edgeOf = (bins, place) => (bins[1] + place) * 2 ** bins[0];
    const heightsOf = bins => {
      const counts = bins.slice(2);
      const most = Math.max(1, ...counts);
      return counts.map(count => count === 0 ? 0 : isLogarithmic ? Math.log1p(count) / Math.log1p(most) : count / most);
    };
    const histogram = bins => {
      const heights = heightsOf(bins), width = 340 / Math.max(heights.length, 1);
      const low = edgeOf(bins, 0), high = edgeOf(bins, heights.length);
      const chart = drawing("svg", { class: "histogram", viewBox: "0 0 344 132", role: "img",
        "aria-label": "Histogram of " + counted(heights.length, "bin", "bins") + " from " + short(low) + " to " + short(high) });
      chart.append(drawing("line", { class: "axis", x1: 2, x2: 342, y1: 112.5, y2: 112.5 }));
      heights.forEach((height, place) => {
        if (height === 0) return;
        const tall = Math.max(1.5, height * 104);
        chart.append(drawing("rect", { class: "bin", x: 2 + place * width, y: 112 - tall, height: tall,
          width: Math.max(0.8, width - (width > 4 ? 1 : 0.2)) },
          drawing("title", {}, short(edgeOf(bins, place)) + " to " + short(edgeOf(bins, place + 1)) + ": " + short(bins[place + 2]))));
      });
      const label = (x, anchor, text) => chart.append(drawing("text", { x, y: 127, "text-anchor": anchor }, text));
      label(2, "start", short(low));
      label(342, "end", short(high));
      const zero = 2 + 340 * -low / (high - low);
      if (zero > 70 && zero < 274) label(zero, "middle", "0");
      return chart;
    };
    const spark = bins => {
      const counts = bins.slice(2), most = Math.max(1, ...counts);
      const chart = drawing("svg", { class: "spark", width: 64, height: 18, "aria-hidden": "true" });
      counts.forEach((count, place) => {
        if (!count) return;
        const tall = Math.max(1, 17 * count / most), width = 64 / counts.length;
        chart.append(drawing("rect", { x: place * width, y: 18 - tall, width: Math.max(0.7, width - 0.2), height: tall }));
      });
      return chart;
    };

    // Whether there is something to draw; false where all finite values are one.
    const hasSpread = ({ row }) => row === null || row.histogram === null || row.histogram.length < 3 ? null : row.stats[0] !== row.stats[1];

    const describe = node => {
      const box = document.getElementById("detail");
      const isConstant = hasSpread(node) === false;
      box.replaceChildren(element("h2", { class: "code" }, shown(node.path)));
      const facts = element("dl", { class: "facts" });
      const fact = (name, ...value) => facts.append(element("dt", {}, name), element("dd", {}, ...value));
      const row = node.row;
      if (row) {
        fact("kind", row.kind + (row.index < 0 ? "" : " #" + row.index));
        if (row.index >= 0) fact("collection", tagText(row.collection));
        if (row.dtype !== null) fact("dtype", visible(row.dtype));
        if (row.shape !== null && row.kind !== "static") fact("shape", shapeText(row));
        if (row.kind === "static") fact("value", visible(JSON.stringify(row.word)));
        if (row.kind === "unsupported") fact("why", visible(row.word));
        if (row.shape !== null && row.kind !== "static") {
          fact("bytes", short(row.bytes) + (row.bytes < 1000 ? "" : " (" + bytesText(row.bytes) + ")"));
          if (row.stored !== null) fact("stored", short(row.stored) + (row.bytes > 0 ? " (" + percent(row.stored / row.bytes) + ")" : ""));
        }
      }
      if (node.children.length) {
        fact("members", short(node.children.length));
        fact("leaves", short(node.leaves));
        fact("bytes", bytesText(node.bytes), element("span", { class: "faint" }, " each array once"));
      }
      box.append(facts);
      if (node.kinds) {
        box.append(element("p", {}, "Changed: ", ...[...node.kinds].map(kind => element("span", { class: "tag change " + kindClass(kind) }, kind))));
      }
      if (row && row.stats) {
        const [min, max, mean, deviation, zeros, nan, infinite] = row.stats;
        const numbers = element("dl", { class: "facts" });
        const add = (name, value) => numbers.append(element("dt", {}, name), element("dd", {}, short(value)));
        const of = row.dtype.startsWith("complex") ? " of the magnitude" : "";
        // All four are NaN where no value is finite, and never where one is.
        if (min !== "nan") { add("min" + of, min); add("max" + of, max); add("mean" + of, mean); add("std" + of, deviation); }
        add("zeros", zeros); add("NaN", nan); add("Inf", infinite);
        box.append(element("h3", {}, "Values"), numbers);
        if (min === "nan") box.append(element("p", { class: "faint" }, "There are no finite values."));
      }
      if (isConstant && row.stats) box.append(element("p", { class: "faint" }, "Every finite value is " + short(row.stats[0]) + "."));
      if (hasSpread(node)) {
        const scale = element("input", { type: "checkbox" });
        scale.checked = isLogarithmic;
        scale.addEventListener("change", () => { isLogarithmic = scale.checked; describe(node); document.querySelector("#detail input").focus(); });
        box.append(histogram(row.histogram), element("label", { class: "faint" }, scale, " logarithmic counts"));
      }
      const places = row && row.index >= 0 ? sites.get(row.index) : [];
      if (places.length > 1) {
        const list = element("ul", { class: "sites" });
        const more = some(places, place => element("li", {}, place === node
          ? element("span", { class: "code" }, shown(place.path) + " (here)") : goButton(place.path)), list, 20);
        box.append(element("h3", {}, "Shared by " + counted(places.length, "site", "sites")), list, more);
      }
    };

    """#
}
