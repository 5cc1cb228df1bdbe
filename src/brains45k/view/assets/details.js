// The manifest's row beside the picture. All of it is text: nothing is ever read as HTML.

export function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function line([label, value]) {
  const isMatrix = label.startsWith("Affine");
  return [element("dt", label), element("dd", value, isMatrix ? { class: "matrix", tabindex: "0" } : {})];
}

function group({ title, lines }) {
  const section = element("section");
  const list = element("dl");
  list.append(...lines.flatMap(line));
  section.append(element("h3", title), list);
  return section;
}

export function showDetails({ volume_id: volumeId, groups }) {
  document.getElementById("volume").textContent = volumeId;
  document.getElementById("groups").replaceChildren(...groups.map(group));
  document.getElementById("details").scrollTop = 0;
  document.title = `${volumeId} - brains45k view`;
}

export function clearDetails(volumeId) {
  showDetails({ volume_id: volumeId, groups: [] });
}
