// One volume: before and after side by side, what the manifest says of it, and the commands that say more.
(function () {
  "use strict";

  const report = (window.brains45kReport = window.brains45kReport || {});
  const { element } = report;
  const pending = new Map();

  // A data file calls this. Files may not be fetched from disk, but a script may be loaded.
  window.brains45kChunk = function (number, chunk) {
    pending.get(number).resolve(chunk);
  };

  function chunkOf(table, number) {
    if (!pending.has(number)) {
      const load = {};
      load.promise = new Promise((resolve, reject) => Object.assign(load, { resolve, reject }));
      pending.set(number, load);
      const name = `${encodeURIComponent(table.source)}-${String(number).padStart(3, "0")}.js`;
      document.head.append(element("script", { src: `data/${name}`, onerror: () => load.reject(new Error(`data/${name} is missing`)) }));
    }
    return pending.get(number).promise;
  }

  // Every column of the manifest, exact: what all rows of a chunk have alike stands there once.
  async function fullRow(table, row) {
    const chunk = await chunkOf(table, Math.floor(row / table.chunkRows));
    const values = chunk.rows[row % table.chunkRows];
    const place = new Map(chunk.columns.map((name, index) => [name, index]));
    return chunk.order.map((name) => [name, place.has(name) ? values[place.get(name)] : chunk.same[name]]);
  }

  function half(source, isAfter, alt) {
    const picture = element("img", { src: source, alt, onload: () => box.classList.toggle("double", picture.naturalHeight * 2 > picture.naturalWidth) });
    const box = element("div", { class: isAfter ? "half after" : "half" }, picture);
    return element("figure", null, element("figcaption", null, isAfter ? "After preprocessing" : "Before"), box);
  }

  function pictures(table, row) {
    const source = report.pictureOf(table, row);
    if (!source) return element("p", { class: "none" }, `${report.noPictureText(table, row)}.`);
    const planes = "axial, coronal and sagittal; left of the head on the left";
    const before = half(source, false, `Before preprocessing: ${planes}`);
    if (!report.hasAfter(table, row)) {
      return element("div", { class: "halves" }, before, element("p", { class: "none" }, "No after: it was read, but not preprocessed."));
    }
    return element("div", { class: "halves" }, before, half(source, true, `After preprocessing: ${planes}`));
  }

  function verdict(table, row) {
    const status = table.text("status", row);
    const score = table.columns.get("outlier_score");
    const lines = [element("p", null, element("span", { class: `status ${status}` }, status), " ", report.fullReason(table, row))];
    if (score.number(row) > table.threshold) {
      const column = table.text("outlier_column", row);
      lines.push(element("p", null, `Outlier ▲: score ${score.text(row)}, by ${column}.`));
    }
    for (const code of table.text("marks", row).split(" ").filter(Boolean)) {
      lines.push(element("p", null, element("code", null, code), ` ${table.sentences.get(code) || ""}`));
    }
    return element("div", { class: "verdict" }, ...lines);
  }

  // A shell takes what stands between single quotes as it is.
  const quoted = (text) => (/^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

  function commands(table, row) {
    const name = quoted(table.text("volume_id", row));
    const all = [`brains45k explain ${name}`];
    if (table.text("status", row) === "kept") all.push(`brains45k show ${name}`, `brains45k view ${name}`);
    return element("pre", { tabindex: "0", "aria-label": "Commands" }, element("code", null, all.join("\n")));
  }

  function shown(value) {
    if (value === null || value === undefined || value === "") return "";
    return Array.isArray(value) ? value.join(", ") : String(value);
  }

  // A value that other rows may share leads to the list of them.
  function valueCell(table, name, row, value) {
    const column = table.columns.get(name);
    const isShared = column && column.values.length > 0 && column.text(row) !== "" && name !== "marks";
    const text = shown(value);
    if (!isShared || text === "") return element("td", null, text);
    const address = "#" + new URLSearchParams({ [name]: column.text(row) });
    return element("td", null, element("a", { href: address }, text));
  }

  function factTable(table, row, facts) {
    const known = facts.filter(([, value]) => shown(value) !== "");
    const unknown = facts.filter(([, value]) => shown(value) === "").map(([name]) => name);
    const lines = known.map(([name, value]) => element("tr", null, element("th", { scope: "row" }, name), valueCell(table, name, row, value)));
    if (unknown.length) lines.push(element("tr", null, element("th", { scope: "row" }, "nothing known"), element("td", { class: "none" }, unknown.join(", "))));
    return element("table", { class: "facts" }, element("tbody", null, ...lines));
  }

  report.drawDetail = async function (table, row, place) {
    const facts = element("div", { "aria-busy": "true" }, "Loading…");
    place.replaceChildren(verdict(table, row), pictures(table, row), commands(table, row), facts);
    try {
      facts.replaceChildren(factTable(table, row, await fullRow(table, row)));
    } catch (error) {
      facts.replaceChildren(`What the manifest says cannot be shown: ${error.message}.`);
    }
    facts.removeAttribute("aria-busy");
  };
})();
