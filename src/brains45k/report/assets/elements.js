// Makes elements of the page. Whatever comes from a file goes in as text, never as HTML.
(function () {
  "use strict";

  const report = (window.brains45kReport = window.brains45kReport || {});

  // element("td", {class: "number", onclick: act}, "text", child)
  report.element = function (tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  };

  report.count = (number) => number.toLocaleString("en-GB");

  const part = (text) => encodeURIComponent(text);

  // Where a volume's picture lies, or nothing where it has none: before above, after below.
  report.pictureOf = function (table, row) {
    const folder = table.text("picture", row);
    return folder ? `pictures/${part(folder)}/${part(table.text("volume_id", row))}.jpg` : "";
  };

  report.hasAfter = (table, row) => table.text("shape", row) !== "";

  report.altText = function (table, row) {
    const shown = report.hasAfter(table, row) ? "before (above) and after preprocessing (below)" : "as it was read";
    return `Three middle planes of ${table.text("volume_id", row)}, ${shown}`;
  };

  // Why a volume has no picture, in words.
  report.noPictureText = function (table, row) {
    const reason = table.text("reason", row);
    if (reason.startsWith("S_")) return "No picture: not selected, so not read";
    if (reason && !table.text("original_shape", row)) return "No picture: it could not be read";
    return "No picture was made";
  };

  report.fullReason = function (table, row) {
    const reason = table.text("reason", row);
    const detail = table.text("detail", row);
    return reason ? `${reason}: ${table.sentences.get(reason) || ""}${detail ? ` [${detail}]` : ""}` : "";
  };
})();
