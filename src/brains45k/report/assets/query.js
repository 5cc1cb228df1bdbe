// Which rows a person asked for, and in which order. Nothing here touches the page.
(function () {
  "use strict";

  const report = (window.brains45kReport = window.brains45kReport || {});

  function searchTest(table, text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const searched = table.searched();
    return (row) => words.every((word) => searched[row].includes(word));
  }

  // A subject by its whole name where there is one, or else by a part of it.
  function subjectTest(table, text) {
    const subject = table.columns.get("subject");
    if (text === "" || subject.values.includes(text)) return subject.matcher(text);
    const part = text.toLowerCase();
    return (row) => subject.text(row).toLowerCase().includes(part);
  }

  const scoreTest = (table, text) => (row) => table.columns.get("outlier_score").number(row) > Number(text);

  const SPECIAL = {
    q: searchTest,
    subject: subjectTest,
    above_score: scoreTest,
    mark: (table, text) => table.columns.get("marks").wordMatcher(text),
  };

  // Names of filters that mean something for this table.
  report.isFilter = (table, name) => name in SPECIAL || table.columns.has(name);

  report.find = function (table, filters) {
    const tests = Object.entries(filters).map(([name, value]) =>
      SPECIAL[name] ? SPECIAL[name](table, value) : table.columns.get(name).matcher(value)
    );
    const found = [];
    for (let row = 0; row < table.rowCount; row++) {
      if (tests.every((test) => test(row))) found.push(row);
    }
    return found;
  };

  // All rows by a column, made once: ascending, ties in the order of the manifest, and those that have no value.
  function orderOf(table, column) {
    const ranks = column.ranks();
    const all = Array.from({ length: table.rowCount }, (_, row) => row);
    const known = Uint32Array.from(all.filter((row) => !Number.isNaN(ranks[row])));
    known.sort((a, b) => ranks[a] - ranks[b] || a - b);
    return { known, unknown: all.filter((row) => Number.isNaN(ranks[row])) };
  }

  // Rows of which nothing is known come last, whichever way.
  report.sort = function (table, rows, name, isDescending) {
    const column = table.columns.get(name);
    column.order = column.order || orderOf(table, column);
    const wanted = new Uint8Array(table.rowCount);
    for (const row of rows) wanted[row] = 1;
    const known = Array.from(column.order.known.filter((row) => wanted[row]));
    if (isDescending) known.reverse();
    return known.concat(column.order.unknown.filter((row) => wanted[row]));
  };
})();
