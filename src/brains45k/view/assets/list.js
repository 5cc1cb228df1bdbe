// The list of volumes: the server searches and gives one page at a time.

import * as api from "./api.js";
import { element } from "./details.js";

const DELAY_MS = 120;
const PAGE_ROWS = 100;
const at = (id) => document.getElementById(id);

export class List {
  #page = { total: 0, offset: 0, place: null, rows: [] };
  #chosen = "";
  #asked = 0;
  #timer = 0;

  constructor(choose, fail) {
    this.choose = choose;
    this.fail = fail;
    at("words").addEventListener("input", () => this.#searchSoon());
    at("status").addEventListener("change", () => this.load({ volume: this.#chosen }));
    at("source").addEventListener("change", () => this.load({ volume: this.#chosen }));
    at("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#openFirst();
    });
    at("earlier").addEventListener("click", () => this.load({ offset: this.#page.offset - PAGE_ROWS }));
    at("later").addEventListener("click", () => this.load({ offset: this.#page.offset + PAGE_ROWS }));
    at("rows").addEventListener("keydown", (event) => this.#move(event));
  }

  // Load a page; of several that are under way, the one that was asked for last is shown.
  async load(wanted) {
    clearTimeout(this.#timer);
    const number = ++this.#asked;
    const search = { words: at("words").value, status: at("status").value, source: at("source").value };
    try {
      const page = await api.page(search, wanted);
      if (number !== this.#asked) return false;
      this.#page = page;
      this.#draw();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  // Mark a volume, and turn to its page if it is not on this one.
  async mark(volumeId) {
    this.#chosen = volumeId;
    const place = this.#page.rows.findIndex((row) => row.volume_id === volumeId);
    if (place < 0) await this.load({ volume: volumeId, offset: this.#page.offset });
    else this.#page.place = this.#page.offset + place;
    this.#drawMark();
  }

  // Open the volume that many places further; the first of the page where none of the list is open.
  async step(places) {
    const { place, offset, total } = this.#page;
    const wanted = place === null ? offset : place + places;
    if (wanted < 0 || wanted >= total) return;
    const isHere = wanted >= offset && wanted < offset + this.#page.rows.length;
    if (!isHere && !(await this.load({ offset: wanted }))) return;
    this.choose(this.#page.rows[wanted - this.#page.offset].volume_id);
  }

  #searchSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load({ volume: this.#chosen }), DELAY_MS);
  }

  async #openFirst() {
    if ((await this.load({})) && this.#page.rows.length) this.choose(this.#page.rows[0].volume_id);
  }

  #move(event) {
    const steps = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" };
    const item = event.target.closest("li")?.[steps[event.key]];
    if (!item) return;
    event.preventDefault();
    item.firstElementChild.focus();
  }

  #draw() {
    const { total, offset, rows } = this.#page;
    at("rows").replaceChildren(...rows.map((row) => this.#item(row)));
    at("rows").scrollTop = 0;
    const last = offset + rows.length;
    const counts = [offset + 1, last, total].map((count) => count.toLocaleString("en"));
    at("extent").textContent = total ? `${counts[0]} to ${counts[1]} of ${counts[2]}` : "No volume found";
    at("earlier").disabled = offset === 0;
    at("later").disabled = last >= total;
    this.#drawMark();
  }

  #item(row) {
    const item = element("li");
    const button = element("button", "", { type: "button", "data-volume": row.volume_id });
    const what = [row.suffix, row.channel, row.series].filter(Boolean).join(" \u00b7 ");
    const who = [row.source, row.subject, row.session].filter(Boolean).join(" \u00b7 ");
    button.append(element("span", what || row.volume_id), element("small", who));
    if (row.status !== "kept") button.append(element("small", `${row.status}: ${row.reason}`, { class: "verdict" }));
    button.addEventListener("click", () => this.choose(row.volume_id));
    item.append(button);
    return item;
  }

  #drawMark() {
    const { place, total } = this.#page;
    for (const button of at("rows").querySelectorAll("button")) {
      const isChosen = button.dataset.volume === this.#chosen;
      button.setAttribute("aria-current", String(isChosen));
      if (isChosen) button.scrollIntoView({ block: "nearest" });
    }
    at("previous").disabled = place === null || place === 0;
    at("next").disabled = total === 0 || (place !== null && place + 1 >= total);
  }
}
