// The page: what is open is what the address names behind its #, so that Back goes to the volume before.

import * as api from "./api.js";
import { clearDetails, element, showDetails } from "./details.js";
import { List } from "./list.js";
import { Picture } from "./picture.js";

const at = (id) => document.getElementById(id);
const WINDOW_STEP = 0.05;
const LEAST_WINDOW = 0.01;
const picture = new Picture();
const list = new List(open, fail);
let underWay = new AbortController();

function open(volumeId) {
  location.hash = encodeURIComponent(volumeId);
}

function notify(text, { isWaiting = false, keptAs = "" } = {}) {
  at("notice").replaceChildren(element("span", text));
  at("notice").classList.toggle("waiting", isWaiting);
  at("notice").hidden = !text;
  if (!keptAs) return;
  const button = element("button", `Show what is kept: ${keptAs}`, { type: "button" });
  button.addEventListener("click", () => open(keptAs));
  at("notice").append(button);
}

function fail(error) {
  if (error.name === "AbortError") return;
  picture.clear();
  notify(error.message);
}

async function show(volumeId) {
  underWay.abort();
  underWay = new AbortController();
  const { signal } = underWay;
  try {
    const [details] = await Promise.all([api.details(volumeId, signal), list.mark(volumeId)]);
    signal.throwIfAborted();
    showDetails(details);
    if (details.absence) {
      picture.clear();
      notify(`Not in the corpus (${details.status}). ${details.absence}`, { keptAs: details.kept_as });
    } else if (picture.canDraw) {
      await draw(volumeId, signal);
    }
  } catch (error) {
    if (!signal.aborted && at("volume").textContent !== volumeId) clearDetails(volumeId);
    if (!signal.aborted) fail(error);
  }
}

async function draw(volumeId, signal) {
  notify("loading ...", { isWaiting: true });
  const buffer = await api.voxels(volumeId, signal);
  await picture.show(buffer, volumeId, signal);
  notify("");
}

function showAddressed() {
  let volumeId = location.hash.slice(1);
  try {
    volumeId = decodeURIComponent(volumeId);
  } catch {
    // A stray percent sign: the name is looked up as it stands.
  }
  if (volumeId) return show(volumeId);
  notify("Choose a volume from the list.");
  return list.load({});
}

function slideWindow(moved) {
  let [low, high] = [Number(at("low").value), Number(at("high").value)];
  if (moved === "low") high = Math.max(high, low + LEAST_WINDOW);
  else low = Math.min(low, high - LEAST_WINDOW);
  picture.setWindow(low, high);
}

function raiseWhite(step) {
  at("high").value = picture.window[1] + step;
  slideWindow("high");
}

function pickPlane(number) {
  const radio = document.querySelectorAll("input[name=plane]")[number];
  radio.checked = true;
  picture.choosePlane(radio.value);
}

const KEYS = {
  n: () => list.step(1),
  p: () => list.step(-1),
  "/": () => at("words").select(),
  r: () => picture.reset(),
  c: () => picture.cutNext(),
  "[": () => raiseWhite(-WINDOW_STEP),
  "]": () => raiseWhite(WINDOW_STEP),
  "?": () => at("help").showModal(),
  ...Object.fromEntries([0, 1, 2, 3, 4].map((number) => [String(number + 1), () => pickPlane(number)])),
};

function onKey(event) {
  const isTyping = event.target.closest("input[type=search], select, dialog[open]");
  const act = KEYS[event.key];
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !act) return;
  event.preventDefault();
  // NiiVue has keys of its own, some of them the same.
  event.stopPropagation();
  act();
}

function listen() {
  document.addEventListener("keydown", onKey, { capture: true });
  window.addEventListener("hashchange", showAddressed);
  at("next").addEventListener("click", () => list.step(1));
  at("previous").addEventListener("click", () => list.step(-1));
  at("keys").addEventListener("click", () => at("help").showModal());
  at("cut").addEventListener("click", () => picture.cutNext());
  at("reset").addEventListener("click", () => picture.reset());
  for (const name of ["low", "high"]) at(name).addEventListener("input", () => slideWindow(name));
  at("planes").addEventListener("change", (event) => picture.choosePlane(event.target.value));
  at("controls").addEventListener("submit", (event) => event.preventDefault());
}

async function start() {
  listen();
  const { name, counts, sources } = await api.corpus();
  at("name").textContent = name;
  const statuses = Object.entries(counts).map(([status, count]) => [status, `${status} (${count.toLocaleString("en")})`]);
  at("status").append(...statuses.map(([value, text]) => element("option", text, { value })));
  at("source").append(...sources.map((source) => element("option", source, { value: source })));
  await picture.open().catch(fail);
  const message = picture.canDraw ? "" : at("notice").textContent;
  await showAddressed();
  if (message) notify(message);
}

start().catch(fail);
