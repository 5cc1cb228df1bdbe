// The keyboard: / searches, arrows go through the rows, Enter opens one, arrows turn the pages of what is open.
(function () {
  "use strict";

  const report = (window.brains45kReport = window.brains45kReport || {});
  const isTyping = (target) => target.matches("input, select, textarea");

  // One row at a time can be reached with the tabulator; arrows move from it.
  report.focusRow = function (list, row) {
    for (const other of list.querySelectorAll('[data-row][tabindex="0"]')) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
  };

  // How many pictures of a gallery stand beside each other.
  function perLine(items) {
    const top = items[0].offsetTop;
    const next = items.findIndex((item) => item.offsetTop > top);
    return next < 1 ? items.length : next;
  }

  function target(key, items, place) {
    const line = items[0].matches("tr") ? 1 : perLine(items);
    const steps = { ArrowDown: line, ArrowUp: -line, ArrowRight: line > 1 ? 1 : 0, ArrowLeft: line > 1 ? -1 : 0 };
    if (key === "Home") return 0;
    if (key === "End") return items.length - 1;
    return key in steps ? place + steps[key] : place;
  }

  function moveInList(event, list) {
    const row = event.target.closest("[data-row]");
    if (!row) return;
    const items = [...list.querySelectorAll("[data-row]")];
    const next = items[target(event.key, items, items.indexOf(row))];
    if (!next || next === row) return;
    event.preventDefault();
    report.focusRow(list, next);
  }

  function onPage(event, act) {
    const dialog = act.at("detail");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (dialog.open) {
      if (event.key === "ArrowLeft") act.step(-1);
      if (event.key === "ArrowRight") act.step(1);
    } else if (event.key === "/" && !isTyping(event.target)) {
      event.preventDefault();
      act.at("by-q").focus();
    }
  }

  report.listenKeys = function (act) {
    const list = act.at("volumes");
    document.addEventListener("keydown", (event) => onPage(event, act));
    list.addEventListener("keydown", (event) => {
      const row = event.target.closest("tr[data-row]");
      if (event.key !== "Enter" || row !== event.target) return moveInList(event, list);
      // Or the same key would press what the opened panel brings into focus.
      event.preventDefault();
      act.open(Number(row.dataset.row));
    });
    list.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-row]");
      if (row && !event.target.closest("a") && !String(getSelection())) act.open(Number(row.dataset.row));
    });
  };
})();
