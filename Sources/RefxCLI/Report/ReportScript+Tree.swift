extension ReportScript {
  /// The tree: only the rows that can be seen are nodes of the document.
  static let tree = #"""
    const open = new Set();
    const closedInSearch = new Set();
    let wanted = null;
    let list = [];
    let chosen = root;
    let isPrinting = false;
    const box = element("div", { class: "tree", role: "tree", tabindex: "0", "aria-label": "Tree", id: "tree" });
    const room = element("div", { class: "room", role: "presentation" });
    box.append(room);
    const tellCount = element("span", { class: "faint", role: "status" });

    const rowHeight = () => window.matchMedia("(max-width: 760px)").matches ? 34 : 30;
    const isOpen = node => wanted ? !closedInSearch.has(node) : open.has(node);
    const setOpen = (node, isWanted) => {
      if (wanted) isWanted ? closedInSearch.delete(node) : closedInSearch.add(node);
      else isWanted ? open.add(node) : open.delete(node);
    };
    const members = node => wanted ? node.children.filter(child => wanted.has(child)) : node.children;

    const layOut = () => {
      list = [];
      const visit = (node, place, size) => {
        node.line = list.length;
        node.place = place;
        node.size = size;
        list.push(node);
        if (!node.children.length || !isOpen(node)) return;
        const inside = members(node);
        inside.forEach((child, position) => visit(child, position + 1, inside.length));
      };
      visit(root, 1, 1);
      draw();
    };

    const makeRow = node => {
      const row = node.row, height = rowHeight();
      const isInner = node.children.length > 0;
      const line = element("div", {
        class: "row", role: "treeitem", id: "t" + node.number, "aria-level": node.depth + 1, "aria-setsize": node.size,
        "aria-posinset": node.place, "aria-selected": String(node === chosen),
        "aria-expanded": isInner ? String(isOpen(node)) : null, title: shown(node.path),
      });
      if (!isPrinting) line.style.transform = "translateY(" + node.line * height + "px)";
      line.style.paddingLeft = 6 + Math.min(node.depth, 24) * (height > 30 ? 12 : 18) + "px";
      line.append(
        element("span", { class: "turn", "aria-hidden": "true" }, isInner ? isOpen(node) ? "▾" : "▸" : ""),
        element("span", { class: "name" }, node.parent ? visible(node.key === "" ? "~2" : node.key) : "(root)"));
      const places = row && row.index >= 0 ? sites.get(row.index) : null;
      if (places && places.length > 1) {
        line.append(element("button", {
          class: "tag tied", type: "button", tabindex: "-1", title: "Go to the next of " + places.length + " sites",
          "aria-label": "shared value " + row.index + ", " + places.length + " sites",
        }, (row.first ? "#" : "→ #") + row.index));
      }
      if (row && row.index >= 0 && row.collection !== null) {
        line.append(element("span", { class: "tag group" }, tagText(row.collection)));
      }
      if (node.kinds) for (const kind of node.kinds) line.append(element("span", { class: "tag change " + kindClass(kind) }, kind));
      else if (node.changes) line.append(element("span", { class: "tag" }, counted(node.changes, "change", "changes")));
      line.append(element("span", { class: "space" }));
      if (hasSpread(node)) line.append(spark(row.histogram));
      line.append(element("span", { class: "type" }, row && row.dtype !== "tree" ? typeText(row)
        : counted(node.leaves, "leaf", "leaves")));
      const size = row && row.dtype !== "tree" ? row.shape !== null && row.kind !== "static" ? bytesText(row.bytes) : "" : node.bytes > 0 ? bytesText(node.bytes) : "–";
      line.append(element("span", { class: "size" }, size));
      return line;
    };

    const draw = () => {
      const height = rowHeight();
      let first = 0, last = list.length;
      if (isPrinting) {
        last = Math.min(list.length, 5000);
        room.style.height = "";
      } else {
        room.style.height = list.length * height + "px";
        first = Math.max(0, Math.floor(box.scrollTop / height) - 8);
        last = Math.min(list.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + 8);
      }
      const rows = list.slice(first, last);
      // The active row stays in the document, wherever the view is: it has the focus.
      if (!isPrinting && list[chosen.line] === chosen && (chosen.line < first || chosen.line >= last)) rows.push(chosen);
      room.replaceChildren(...rows.map(makeRow));
      if (isPrinting && last < list.length) room.append(element("p", {}, "… and " + short(list.length - last) + " more rows"));
      if (list[chosen.line] === chosen) box.setAttribute("aria-activedescendant", "t" + chosen.number);
      else box.removeAttribute("aria-activedescendant");
    };

    const choose = node => {
      chosen = node;
      const height = rowHeight(), top = node.line * height;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
      describe(node);
      draw();
    };

    // To a node from anywhere in the page.
    const go = node => {
      if (wanted && !wanted.has(node)) { find.value = ""; onlyShared.checked = false; onlyChanged.checked = false; wanted = null; tellCount.textContent = ""; }
      for (let place = node.parent; place; place = place.parent) setOpen(place, true);
      layOut();
      const height = rowHeight();
      box.scrollTop = Math.max(0, node.line * height - box.clientHeight / 2);
      choose(node);
      box.focus({ preventScroll: true });
      box.scrollIntoView({ block: "nearest" });
    };
    const nextSite = node => {
      const places = node.row && node.row.index >= 0 ? sites.get(node.row.index) : [];
      if (places.length > 1) go(places[(places.indexOf(node) + 1) % places.length]);
    };
    const turn = node => { setOpen(node, !isOpen(node)); layOut(); choose(node); };

    box.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
    window.addEventListener("resize", () => requestAnimationFrame(draw));
    room.addEventListener("click", event => {
      const line = event.target.closest(".row");
      if (!line) return;
      const node = nodes[Number(line.id.slice(1))];
      box.focus({ preventScroll: true });
      if (event.target.closest(".tag.tied")) return nextSite(node);
      if (event.target.closest(".turn") && node.children.length) return turn(node);
      choose(node);
    });
    room.addEventListener("dblclick", event => {
      const line = event.target.closest(".row");
      if (!line || event.target.closest("button, .turn")) return;
      const node = nodes[Number(line.id.slice(1))];
      if (node.children.length) turn(node);
    });
    box.addEventListener("keydown", event => {
      if (event.altKey || event.ctrlKey || event.metaKey || !list.length) return;
      const line = list[chosen.line] === chosen ? chosen.line : 0;
      const page = Math.max(1, Math.floor(box.clientHeight / rowHeight()) - 1);
      const to = place => choose(list[Math.max(0, Math.min(list.length - 1, place))]);
      const inner = chosen.children.length > 0;
      switch (event.key) {
        case "ArrowDown": to(line + 1); break;
        case "ArrowUp": to(line - 1); break;
        case "Home": to(0); break;
        case "End": to(list.length - 1); break;
        case "PageDown": to(line + page); break;
        case "PageUp": to(line - page); break;
        case "ArrowRight": if (inner && !isOpen(chosen)) turn(chosen); else if (inner) to(line + 1); break;
        case "ArrowLeft": if (inner && isOpen(chosen)) turn(chosen); else if (chosen.parent) choose(chosen.parent); break;
        case "Enter": case " ": if (inner) turn(chosen); else nextSite(chosen); break;
        case "*": (chosen.parent || chosen).children.forEach(child => setOpen(child, true)); layOut(); choose(chosen); break;
        default: return;
      }
      event.preventDefault();
    });

    """#

  /// Search, and the page put together.
  static let start = #"""
    const find = element("input", { type: "search", placeholder: "Search paths, types, #3  ( / )", "aria-label": "Search the tree",
      "aria-controls": "tree", spellcheck: "false", autocomplete: "off" });
    const onlyShared = element("input", { type: "checkbox" });
    const onlyChanged = element("input", { type: "checkbox" });
    const haystack = node => {
      const row = node.row;
      const more = row === null ? "" : " " + row.dtype + " " + row.kind + " " + row.collection + (row.index < 0 ? "" : " #" + row.index + " ");
      return (node.path + more).toLowerCase();
    };
    const search = () => {
      const text = find.value.trim().toLowerCase();
      // #3 is the value 3 and not 30.
      const needle = /^#\d+$/.test(text) ? text + " " : text;
      closedInSearch.clear();
      if (!text && !onlyShared.checked && !onlyChanged.checked) {
        wanted = null;
        tellCount.textContent = "";
      } else {
        wanted = new Set([root]);
        let found = 0;
        for (const node of nodes) {
          if (!node.row && !node.kinds) continue;
          if (onlyShared.checked && !(node.row && node.row.index >= 0 && sites.get(node.row.index).length > 1)) continue;
          if (onlyChanged.checked && !node.kinds) continue;
          if (needle && !(node.text = node.text || haystack(node)).includes(needle)) continue;
          found += 1;
          for (let place = node; place && !wanted.has(place); place = place.parent) wanted.add(place);
        }
        tellCount.textContent = found === 0 ? "Nothing found" : short(found) + " of " + short(data.totals.leaves);
      }
      if (wanted && !wanted.has(chosen)) chosen = root;
      box.scrollTop = 0;
      layOut();
    };
    find.addEventListener("input", search);
    find.addEventListener("keydown", event => {
      if (event.key === "Escape") { find.value = ""; search(); }
      else if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        box.focus({ preventScroll: true });
        const hit = list.find(node => node.row && (!wanted || wanted.has(node)) && node !== root) || root;
        choose(hit);
      }
    });
    for (const filter of [onlyShared, onlyChanged]) filter.addEventListener("change", search);
    document.addEventListener("keydown", event => {
      if (event.key !== "/" || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.target.closest && event.target.closest("input, textarea")) return;
      event.preventDefault();
      find.focus();
      find.select();
    });
    const button = (text, action) => element("button", { type: "button", onclick: action }, text);
    const openAll = isWanted => {
      closedInSearch.clear();
      open.clear();
      if (isWanted) for (const node of nodes) { if (node.children.length) open.add(node); }
      else { open.add(root); if (wanted) for (const node of nodes) { if (node !== root && node.children.length) closedInSearch.add(node); } }
      layOut();
      choose(list[chosen.line] === chosen ? chosen : root);
    };

    // Level by level, as long as what is open is a screenful.
    const openSome = () => {
      let level = [root], count = 1;
      while (level.length) {
        const next = level.flatMap(node => node.children);
        if (level[0] !== root && count + next.length > 40) return;
        level.forEach(node => { if (node.children.length) open.add(node); });
        count += next.length;
        level = next.filter(node => node.children.length);
      }
    };
    window.addEventListener("beforeprint", () => { isPrinting = true; draw(); });
    window.addEventListener("afterprint", () => { isPrinting = false; draw(); });

    markChanges();
    openSome();
    const treePanel = element("section", { "aria-labelledby": "tree-title" }, element("h2", { id: "tree-title" }, "Tree"),
      element("div", { class: "tools", role: "search" }, find, tellCount,
        shared.length ? element("label", {}, onlyShared, "shared only") : null,
        data.diff && !data.diff.equal ? element("label", {}, onlyChanged, "changed only") : null,
        button("Open all", () => openAll(true)), button("Close all", () => openAll(false))),
      data.has.values && !data.has.histograms ? element("p", { class: "faint" }, "There are too many arrays for a histogram of each.") : null,
      data.has.values ? null : element("p", { class: "faint" }, "No payload was read: there are no statistics."),
      element("div", { class: "split" }, box,
        element("div", { class: "pane detail", id: "detail", role: "region", "aria-label": "What is chosen" })));
    document.getElementById("main").replaceChildren(...[
      overview(), data.diff ? diffPanel() : null, treePanel, sharedPanel(), filePanel(),
    ].filter(Boolean));
    layOut();
    describe(root);
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
    """#
}
