// What is shown stands in the address behind '#', so that a link can say it and the browser's back button works.
(function () {
  "use strict";

  const report = (window.brains45kReport = window.brains45kReport || {});
  const OWN = ["view", "sort", "down", "page", "id"];

  report.readState = function (table) {
    const entries = new URLSearchParams(location.hash.slice(1));
    const filters = {};
    for (const [name, value] of entries) {
      if (!OWN.includes(name) && report.isFilter(table, name)) filters[name] = value;
    }
    const sort = entries.get("sort");
    return {
      filters,
      view: entries.get("view") === "gallery" ? "gallery" : "table",
      sort: table.columns.has(sort) ? sort : "",
      isDescending: entries.get("down") === "1",
      page: Math.max(1, Number.parseInt(entries.get("page"), 10) || 1),
      id: entries.get("id") || "",
    };
  };

  report.stateText = function (state) {
    const entries = new URLSearchParams(state.filters);
    entries.set("view", state.view);
    if (state.sort) entries.set("sort", state.sort);
    if (state.isDescending) entries.set("down", "1");
    if (state.page > 1) entries.set("page", String(state.page));
    if (state.id) entries.set("id", state.id);
    return "#" + entries.toString();
  };

  // An address such as #terms names a section, not a list.
  report.isState = () => location.hash.includes("=");
})();
