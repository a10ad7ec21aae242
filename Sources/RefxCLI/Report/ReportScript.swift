/// The script of a report, in the order in which its parts need each other. Everything that comes out of files
/// reaches the page as text of nodes, never as markup.
enum ReportScript {
  static let text =
    "\n(() => {\n\"use strict\";\n" + data + words + panels + detail + tree + start + "})();\n"

  /// Reads the rows and makes a tree of them.
  static let data = #"""
    const data = JSON.parse(document.getElementById("data").textContent);
    const root = { key: "", parent: null, children: [], row: null, depth: 0, leaves: 0, bytes: 0, kinds: null, changes: 0 };
    const nodes = [];
    const sites = new Map();

    const addRow = (cells, stack) => {
      const [same, keys, kind, index, collection, dtype, shape, bytes, stored, stats, histogram, word] = cells;
      stack.length = same + 1;
      for (const key of keys) {
        const parent = stack[stack.length - 1];
        const node = { key, parent, children: [], row: null, depth: stack.length, leaves: 0, bytes: 0, kinds: null, changes: 0 };
        parent.children.push(node);
        stack.push(node);
      }
      const node = stack[stack.length - 1];
      const row = {
        kind: data.words[kind], index, collection: data.words[collection], dtype: data.words[dtype], shape, bytes,
        stored, stats: stats || null, histogram: histogram || null, word, first: true,
      };
      node.row = row;
      if (index < 0) return node;
      const others = sites.get(index);
      if (others) {
        // What is known of the value stands at its first site.
        row.first = false;
        row.stats = others[0].row.stats;
        row.histogram = others[0].row.histogram;
        others.push(node);
      } else {
        sites.set(index, [node]);
      }
      return node;
    };

    const stack = [root];
    for (const cells of data.leaves) {
      const node = addRow(cells, stack);
      for (let place = node; place; place = place.parent) {
        place.leaves += 1;
        if (node.row.first) place.bytes += node.row.bytes;
      }
    }
    data.leaves = null;
    const shared = [...sites.values()].filter(row => row.length > 1);
    const inside = new Map(data.inside);
    const saves = places => (inside.get(places[0].row.index) ?? places[0].row.bytes) * (places.length - 1);

    const keysOf = node => {
      const keys = [];
      for (let place = node; place.parent; place = place.parent) keys.push(place.key);
      return keys.reverse();
    };
    // As a path is written everywhere: / between keys, ~1 for one inside a key, ~0 for ~, ~2 for nothing.
    const pathText = keys => keys.map(key => key === "" ? "~2" : key.replace(/~/g, "~0").replace(/\//g, "~1")).join("/");
    const byPath = new Map();
    const number = node => {
      node.number = nodes.length;
      nodes.push(node);
      node.path = pathText(keysOf(node));
      byPath.set(node.path, node);
      node.children.forEach(number);
    };
    number(root);

    """#

  /// Nodes of the document, and numbers for people.
  static let words = #"""
    const element = (name, attributes, ...children) => {
      const node = document.createElement(name);
      for (const [key, value] of Object.entries(attributes || {})) {
        if (key === "class") node.className = value;
        else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
        else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
      }
      node.append(...children.filter(child => child !== null && child !== undefined));
      return node;
    };
    const drawing = (name, attributes, ...children) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      node.append(...children);
      return node;
    };
    // Control characters, also those that turn the direction of text, by their numbers.
    const visible = text => String(text).replace(
      /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
      mark => "\\u{" + mark.codePointAt(0).toString(16).toUpperCase() + "}");
    const shown = path => path === "" ? "(root)" : visible(path);
    const bytesText = count => {
      if (count < 1000) return count + " B";
      let value = count, unit = "B";
      for (const next of ["kB", "MB", "GB", "TB", "PB"]) {
        if (value < 999.5) break;
        value /= 1000;
        unit = next;
      }
      return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + " " + unit;
    };
    const short = value => {
      if (value === null || value === undefined) return "–";
      if (typeof value === "string") return value;
      if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en").replace(/,/g, "\u202f");
      const size = Math.abs(value);
      return size >= 1e-3 && size < 1e6 ? String(Number(value.toPrecision(5))) : value.toExponential(3);
    };
    const counted = (count, one, many) => short(count) + " " + (count === 1 ? one : many);
    // As everywhere in text: - is none, an integer itself, and a string that reads as either has its first byte in %.
    const tagText = tag => {
      if (tag === null) return "-";
      if (typeof tag === "number") return String(tag);
      const isNumber = /^[+-]?[0-9]+$/.test(tag) && BigInt.asIntN(64, BigInt(tag.replace("+", ""))) === BigInt(tag.replace("+", ""));
      if (!isNumber && tag !== "-" && !tag.startsWith("%")) return visible(tag);
      return "%" + tag.charCodeAt(0).toString(16).toUpperCase() + visible(tag.slice(1));
    };
    const percent = share => share <= 0 ? "0 %" : share < 0.01 ? "< 1 %" : (100 * share).toFixed(0) + " %";
    const shapeText = row => row.shape === null ? "" : "[" + row.shape.join(", ") + "]";
    const typeText = row => {
      if (row.kind === "static") return row.dtype + " " + visible(JSON.stringify(row.word));
      if (row.dtype === null) return row.kind;
      return (visible(row.dtype) + " " + shapeText(row)).trim();
    };

    const meter = (share) => {
      const bar = element("i");
      bar.style.width = Math.max(0, Math.min(100, share * 100)) + "%";
      return element("span", { class: "meter" }, bar);
    };
    const largestOf = numbers => numbers.reduce((most, number) => Math.max(most, number), 0);
    const bars = rows => {
      const most = largestOf(rows.map(row => row.bytes)) || 1;
      const list = element("div", { class: "bars" });
      const more = some(rows, row => {
        const line = document.createDocumentFragment();
        line.append(
          element("span", { class: "label" }, row.label), meter(row.bytes / most),
          element("span", { class: "size" }, bytesText(row.bytes) + (row.note ? " · " + row.note : "")));
        return line;
      }, list, 8);
      return element("div", {}, list, more);
    };
    // The first rows of many; the others when they are asked for.
    const some = (rows, make, box, step = 50) => {
      let done = 0;
      const more = element("button", { type: "button", class: "more" });
      const add = count => {
        rows.slice(done, done + count).forEach(row => box.append(make(row)));
        done += Math.min(count, rows.length - done);
        more.hidden = done >= rows.length;
        const left = rows.length - done, next = Math.min(step * 4, left);
        more.textContent = "Show " + short(next) + " more" + (next < left ? " of " + short(left) : "");
      };
      more.addEventListener("click", () => add(step * 4));
      add(step);
      return more;
    };

    """#

  /// The sections above and below the tree.
  static let panels = #"""
    const goButton = (path, label) => {
      const node = byPath.get(path);
      const text = label || shown(path);
      if (!node) return element("span", { class: "code" }, text);
      return element("button", { type: "button", class: "link code", onclick: () => go(node) }, text);
    };

    const overview = () => {
      const totals = data.totals, sizes = totals.bytes;
      const facts = [
        [data.format + (data.version === null ? "" : " " + data.version), counted(totals.leaves, "row", "rows"),
          counted(totals.refs, "ref", "refs"), short(totals.shared) + " shared"].join(" · "),
      ];
      return element("div", { class: "cards" },
        element("section", {}, element("h2", {}, "Bytes"), bars([
          { label: "logical", bytes: sizes.logical }, { label: "unique", bytes: sizes.unique },
          { label: "stored", bytes: sizes.stored },
        ]), element("p", { class: "faint" }, facts[0])),
        element("section", {}, element("h2", {}, "By collection"), data.collections.length
          ? bars([...data.collections].sort((a, b) => b.bytes - a.bytes).map(row => ({
              label: tagText(row.collection), bytes: row.bytes, note: counted(row.refs, "ref", "refs") })))
          : element("p", { class: "faint" }, "There are no refs.")),
        element("section", {}, element("h2", {}, "By dtype"), data.dtypes.length
          ? bars(data.dtypes.map(row => ({
              label: visible(row.dtype), bytes: row.bytes, note: counted(row.leaves, "array", "arrays") })))
          : element("p", { class: "faint" }, "There are no arrays.")));
    };

    const sharedPanel = () => {
      const panel = element("section", { "aria-labelledby": "shared" }, element("h2", { id: "shared" }, "Shared values"));
      if (!shared.length) {
        panel.append(element("p", { class: "faint" }, "Nothing is shared."));
        return panel;
      }
      const rows = [...shared].sort((a, b) =>
        saves(b) - saves(a) || a[0].row.index - b[0].row.index);
      const body = element("tbody");
      const more = some(rows, places => {
        const row = places[0].row;
        const list = element("td");
        const rest = some(places, place => element("div", {}, goButton(place.path)), list, 6);
        list.append(rest);
        return element("tr", {}, element("td", {}, element("span", { class: "tag tied" }, "#" + row.index)),
          element("td", {}, tagText(row.collection)), element("td", {}, typeText(row)),
          element("td", { class: "number", "data-title": "saves" }, bytesText(saves(places))), list);
      }, body, 25);
      panel.append(element("div", { class: "scroll" }, element("table", {}, element("thead", {}, element("tr", {},
        ...["ref", "collection", "type"].map(title => element("th", { scope: "col" }, title)),
        element("th", { scope: "col", class: "number" }, "saves"), element("th", { scope: "col" }, "sites"))), body)), more);
      return panel;
    };

    const filePanel = () => {
      const panel = element("section", {}, element("h2", {}, "File"));
      const facts = element("dl", { class: "facts" });
      const fact = (name, ...value) => facts.append(element("dt", {}, name), element("dd", {}, ...value));
      fact("name", visible(data.file));
      fact("format", data.format + (data.version === null ? "" : " " + data.version));
      if (data.digest) {
        for (const name of ["structure", "topology", "values"]) fact("digest of " + name, element("code", {}, data.digest[name]));
      } else {
        fact("digest", data.has.values ? "none: some values cannot be represented" : "not computed: no payload was read");
      }
      panel.append(facts);
      if (Object.keys(data.metadata).length) {
        panel.append(element("details", { open: JSON.stringify(data.metadata).length < 2000 ? "" : null },
          element("summary", {}, "Metadata"),
          element("pre", { class: "code" }, JSON.stringify(data.metadata, null, 2).split("\n").map(visible).join("\n"))));
      }
      return panel;
    };

    """#
}
