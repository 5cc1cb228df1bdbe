// One page of volumes: as rows of a table, or as a gallery of pictures.
(function () {
  "use strict";

  const report = (window.brains45kReport = window.brains45kReport || {});
  const { element } = report;

  report.PAGE_SIZES = { table: 50, gallery: 48 };

  const shownColumns = (table) => [...table.columns.values()].filter((column) => column.isShown);

  // The lower half of a picture is the volume after preprocessing; the small one shows its axial plane.
  function thumbnail(table, row) {
    const source = report.pictureOf(table, row);
    if (!source) return element("span", { class: "thumb none", title: report.noPictureText(table, row) }, "–");
    const kind = report.hasAfter(table, row) ? "thumb after" : "thumb";
    return element("span", { class: kind }, element("img", { src: source, alt: "", loading: "lazy", decoding: "async" }));
  }

  function heading(column, state, onSort) {
    const isSorted = state.sort === column.name;
    const direction = isSorted ? (state.isDescending ? "descending" : "ascending") : null;
    const arrow = isSorted ? (state.isDescending ? " ↓" : " ↑") : "";
    const button = element("button", { type: "button", "data-sort": column.name, onclick: () => onSort(column.name) }, column.title + arrow);
    return element("th", { scope: "col", "aria-sort": direction, class: column.isNumber ? "number" : null }, button);
  }

  function cell(table, column, row) {
    const text = column.text(row);
    if (column.name === "volume_id") {
      return element("th", { scope: "row" }, element("a", { href: `#id=${encodeURIComponent(text)}`, tabindex: "-1" }, text));
    }
    const sentence = column.name === "reason" ? report.fullReason(table, row) : null;
    const isOutlier = column.name === "outlier_score" && column.number(row) > table.threshold;
    const content = isOutlier ? element("strong", { title: "An outlier" }, `${text} ▲`) : text;
    const status = column.name === "status" ? `status ${text}` : null;
    return element("td", { class: column.isNumber ? "number" : status, title: sentence }, content);
  }

  function tableRow(table, columns, row) {
    const cells = columns.map((column) => cell(table, column, row));
    return element("tr", { "data-row": row, tabindex: "-1" }, element("td", { class: "picture" }, thumbnail(table, row)), ...cells);
  }

  report.drawTable = function (table, rows, state, onSort) {
    const columns = shownColumns(table);
    const head = element("tr", null, element("th", { scope: "col" }, "Picture"), ...columns.map((column) => heading(column, state, onSort)));
    const body = element("tbody", null, ...rows.map((row) => tableRow(table, columns, row)));
    return element("table", { class: "volumes" }, element("thead", null, head), body);
  };

  function tilePicture(table, row) {
    const source = report.pictureOf(table, row);
    if (!source) return element("span", { class: "mosaic none" }, report.noPictureText(table, row));
    const picture = element("img", { src: source, alt: report.altText(table, row), loading: "lazy", decoding: "async", width: "288", height: report.hasAfter(table, row) ? "192" : "96" });
    return element("span", { class: "mosaic" }, picture);
  }

  function tileCaption(table, row) {
    const facts = [table.text("kind", row), table.text("status", row), table.text("reason", row)].filter(Boolean);
    const score = table.columns.get("outlier_score");
    if (score.number(row) > table.threshold) facts.push(`outlier ${score.text(row)} ▲`);
    return element("span", { class: "caption" }, element("b", null, table.text("volume_id", row)), element("span", null, facts.join(" · ")));
  }

  report.drawGallery = function (table, rows) {
    const tiles = rows.map((row) => {
      const address = `#id=${encodeURIComponent(table.text("volume_id", row))}`;
      return element("li", null, element("a", { class: "tile", href: address, "data-row": row, tabindex: "-1", title: report.fullReason(table, row) || null }, tilePicture(table, row), tileCaption(table, row)));
    });
    return element("ul", { class: "gallery" }, ...tiles);
  };
})();
