// Puts the parts together: the address says what is shown, and every act changes the address.
(function () {
  "use strict";

  const report = window.brains45kReport;
  const { element } = report;
  const at = (id) => document.getElementById(id);
  const byForm = ["q", "subject", "kind", "status", "reason", "mark", "above_score"];
  let table, state, rows, lastQuery, opener;

  function pageCount() {
    return Math.max(1, Math.ceil(rows.length / report.PAGE_SIZES[state.view]));
  }

  function query() {
    const asked = JSON.stringify([state.filters, state.sort, state.isDescending]);
    if (asked === lastQuery) return;
    lastQuery = asked;
    rows = report.find(table, state.filters);
    if (state.sort) rows = report.sort(table, rows, state.sort, state.isDescending);
  }

  // The address changes without a step in the history while somebody types.
  function go(changes, isStep) {
    const next = report.stateText({ ...state, ...changes });
    history[isStep ? "pushState" : "replaceState"](null, "", next);
    show();
  }

  function sortBy(name) {
    const isSame = state.sort === name;
    const startsDown = table.columns.get(name).isNumber;
    if (isSame && state.isDescending !== startsDown) go({ sort: "", isDescending: false, page: 1 }, true);
    else go({ sort: name, isDescending: isSame ? !state.isDescending : startsDown, page: 1 }, true);
    at("volumes").querySelector(`[data-sort="${name}"]`).focus();
  }

  function filterFromForm() {
    const filters = { ...state.filters };
    for (const name of byForm) {
      const value = at(`by-${name}`).value;
      if (value === "") delete filters[name];
      else filters[name] = value === "\u0000" ? "" : value;
    }
    go({ filters, page: 1 }, false);
  }

  // A list may be asked for by more than the form has: each filter stands here with a button that takes it away.
  function chip(name, value) {
    const column = table.columns.get(name);
    const title = column ? column.title : { q: "Text", mark: "Flag or repair", above_score: "Outlier score above" }[name];
    const remove = () => {
      const filters = { ...state.filters };
      delete filters[name];
      go({ filters, page: 1 }, true);
    };
    return element("button", { type: "button", class: "chip", onclick: remove, "aria-label": `Remove the filter ${title}: ${value || "nothing known"}` }, `${title}: ${value || "nothing known"} ✕`);
  }

  function drawForm() {
    for (const name of byForm) {
      const field = at(`by-${name}`);
      const value = state.filters[name] === undefined ? "" : state.filters[name] || "\u0000";
      if (field !== document.activeElement || field.tagName === "SELECT") field.value = value;
    }
    at("chips").replaceChildren(...Object.entries(state.filters).map(([name, value]) => chip(name, value)));
    at("clear").hidden = Object.keys(state.filters).length === 0;
    for (const view of ["table", "gallery"]) at(`as-${view}`).setAttribute("aria-pressed", String(state.view === view));
  }

  function drawPager(first, last) {
    const total = report.count(rows.length);
    const of = rows.length === table.rowCount ? total : `${total} of ${report.count(table.rowCount)}`;
    at("found").textContent = rows.length ? `${report.count(first + 1)}–${report.count(last)} of ${of} rows` : "No row is like this.";
    at("page").textContent = `page ${report.count(state.page)} of ${report.count(pageCount())}`;
    for (const id of ["first", "previous"]) at(id).disabled = state.page <= 1;
    for (const id of ["next", "last"]) at(id).disabled = state.page >= pageCount();
  }

  function drawRows() {
    const size = report.PAGE_SIZES[state.view];
    state.page = Math.min(state.page, pageCount());
    const first = (state.page - 1) * size;
    const shown = rows.slice(first, first + size);
    const drawn = state.view === "gallery" ? report.drawGallery(table, shown) : report.drawTable(table, shown, state, sortBy);
    at("volumes").replaceChildren(drawn);
    const start = at("volumes").querySelector("[data-row]");
    if (start) start.tabIndex = 0;
    drawPager(first, first + shown.length);
  }

  function drawDialog() {
    const dialog = at("detail");
    const row = state.id ? table.rowOf(state.id) : -1;
    if (row < 0) {
      if (dialog.open) dialog.close();
      return;
    }
    at("detail-title").textContent = state.id;
    const place = rows.indexOf(row);
    at("detail-place").textContent = place < 0 ? "" : `${report.count(place + 1)} of ${report.count(rows.length)}`;
    at("detail-previous").disabled = place < 1;
    at("detail-next").disabled = place < 0 || place + 1 >= rows.length;
    report.drawDetail(table, row, at("detail-body"));
    if (!dialog.open) dialog.showModal();
  }

  function show() {
    state = report.readState(table);
    query();
    drawForm();
    drawRows();
    drawDialog();
  }

  // A link that says nothing of the view keeps what is shown, and one to a volume also the list.
  function completeAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (wanted.has("view")) return false;
    const id = wanted.get("id");
    wanted.set("view", state.view);
    history.replaceState(null, "", id === null ? "#" + wanted : report.stateText({ ...state, id }));
    return id === null;
  }

  function followAddress() {
    if (!report.isState()) return;
    const isNewList = completeAddress();
    show();
    if (!isNewList) return;
    at("browse").scrollIntoView();
    at("found").focus({ preventScroll: true });
  }

  function step(distance) {
    const place = rows.indexOf(table.rowOf(state.id)) + distance;
    if (place < 0 || place >= rows.length) return;
    const page = Math.floor(place / report.PAGE_SIZES[state.view]) + 1;
    go({ id: table.text("volume_id", rows[place]), page }, false);
  }

  function options(name, values, describe) {
    const made = values.map((value) => element("option", { value }, describe ? describe(value) : value));
    at(`by-${name}`).append(...made);
  }

  function fillForm() {
    const sentence = (code) => `${code}: ${table.sentences.get(code) || ""}`;
    options("kind", table.columns.get("kind").values);
    options("status", table.columns.get("status").values);
    options("reason", table.columns.get("reason").values, sentence);
    const marks = new Set(table.columns.get("marks").values.flatMap((value) => value.split(" ")));
    options("mark", [...marks].sort(), sentence);
  }

  function listen() {
    for (const name of byForm) at(`by-${name}`).addEventListener("input", filterFromForm);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    at("clear").addEventListener("click", () => go({ filters: {}, page: 1 }, true));
    for (const view of ["table", "gallery"]) at(`as-${view}`).addEventListener("click", () => go({ view, page: 1 }, true));
    const pages = { first: () => 1, previous: () => state.page - 1, next: () => state.page + 1, last: pageCount };
    for (const [id, page] of Object.entries(pages)) at(id).addEventListener("click", () => go({ page: page() }, true));
    at("detail-previous").addEventListener("click", () => step(-1));
    at("detail-next").addEventListener("click", () => step(1));
    at("detail-close").addEventListener("click", () => at("detail").close());
    at("detail").addEventListener("close", closed);
    addEventListener("hashchange", followAddress);
    report.listenKeys({ step, at, open: (row) => go({ id: table.text("volume_id", row) }, true) });
  }

  // The eye and the keyboard are back where they were.
  function closed() {
    if (!state.id) return;
    const row = table.rowOf(state.id);
    go({ id: "" }, false);
    const shown = at("volumes").querySelector(`[data-row="${row}"]`);
    if (shown) report.focusRow(at("volumes"), shown);
  }

  document.addEventListener("DOMContentLoaded", () => {
    table = report.unpack(window.brains45k);
    delete window.brains45k;
    fillForm();
    listen();
    state = report.readState(table);
    if (report.isState()) {
      completeAddress();
      at("browse").scrollIntoView();
    }
    show();
    document.documentElement.dataset.ready = "true";
    // The first search then need not wait for it.
    setTimeout(table.searched, 50);
  });
})();
