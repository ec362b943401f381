// Charts are drawn when they come into view; hidden ones when they are chosen.
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const views = new Map();

// Two pictures share the width of the page; where that is narrow one stands below the other.
function fitted(spec, place) {
  if (!spec.hconcat) return spec;
  const { hconcat, ...rest } = spec;
  const beside = place.clientWidth >= 560;
  const width = Math.max(Math.floor(place.clientWidth / (beside ? 2 : 1)) - 24, 200);
  const pictures = hconcat.map((one) => ({ ...one, width, height: Math.min(width, 440) }));
  return { ...rest, [beside ? "hconcat" : "vconcat"]: pictures };
}

async function draw(place) {
  const spec = fitted(JSON.parse(document.getElementById(place.dataset.spec).textContent), place);
  const options = {
    renderer: "svg",
    actions: { export: true, source: false, compiled: false, editor: false },
    tooltip: { theme: dark ? "dark" : "light" },
  };
  const { view } = await vegaEmbed(place, spec, options);
  views.set(place, view);
  const pressed = place.closest(".curve-panel")?.querySelector('[aria-pressed="true"]');
  if (pressed) view.signal("picked", pressed.dataset.run).runAsync();
  const group = place.closest("section").querySelector(".switch");
  if (group) view.signal(group.dataset.signal, group.querySelector('[aria-pressed="true"]').value).runAsync();
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    draw(entry.target);
  }
}, { rootMargin: "400px" });
document.querySelectorAll("[data-spec]").forEach((place) => seen.observe(place));

// Paper has no scrolling: before printing everything is drawn and unfolded.
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((part) => { part.open = true; });
  document.querySelectorAll("[data-spec]").forEach((place) => { if (!views.has(place)) draw(place); });
});

// Sorting: a button in every heading; numbers by data-sort, words as they read.
function value(row, column) {
  const cell = row.cells[column];
  const text = cell?.dataset.sort ?? cell?.textContent.trim() ?? "";
  return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text === "nan" ? NaN : text;
}

function compare(a, b) {
  const lost = (x) => x === "" || x === "–" || Number.isNaN(x);
  if (lost(a) || lost(b)) return Number(lost(a)) - Number(lost(b));
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

function sort(heading) {
  const up = heading.getAttribute("aria-sort") !== "ascending";
  const body = heading.closest("table").tBodies[0];
  const column = heading.cellIndex;
  const rows = [...body.rows].map((row) => [value(row, column), row]);
  rows.sort(([a], [b]) => {
    const missing = compare(a, b);
    const lost = [a, b].some((x) => x === "" || x === "–" || Number.isNaN(x));
    return up || lost ? missing : -missing;
  });
  body.append(...rows.map(([, row]) => row));
  for (const other of heading.parentElement.cells) {
    if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  }
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
}

document.querySelectorAll("table.sortable thead th:not(.plain)").forEach((heading) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  heading.append(button);
  heading.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => sort(heading));
});

// One panel at a time; without scripts all of them are there.
document.querySelectorAll(".chooser").forEach((chooser) => {
  const panels = [...document.querySelectorAll(`.${chooser.dataset.chooses}`)];
  if (panels.length < 2) return;
  const label = document.createElement("label");
  const select = document.createElement("select");
  panels.forEach((panel, k) => select.add(new Option(panel.dataset.label, k)));
  select.addEventListener("change", () => panels.forEach((panel, k) => { panel.hidden = k !== Number(select.value); }));
  panels.forEach((panel, k) => { panel.hidden = k !== 0; });
  label.append("Show ", select);
  chooser.append(label);
});

// What all pictures of a section show is switched for all of them at once.
document.querySelectorAll(".switch").forEach((group) => group.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  group.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
  group.closest("section").querySelectorAll("[data-spec]").forEach((place) => {
    views.get(place)?.signal(group.dataset.signal, button.value).runAsync();
  });
}));

// A pressed run stands out, the others fade.
document.querySelectorAll(".curve-panel").forEach((panel) => panel.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-run]");
  if (!button) return;
  const on = button.getAttribute("aria-pressed") !== "true";
  panel.querySelectorAll("button[data-run]").forEach((other) => other.setAttribute("aria-pressed", "false"));
  button.setAttribute("aria-pressed", String(on));
  panel.querySelectorAll("[data-spec]").forEach((place) => {
    views.get(place)?.signal("picked", on ? button.dataset.run : "").runAsync();
  });
}));

// The table of contents follows the reader.
const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const sections = [...document.querySelectorAll("main > section")];
const visible = new Set();
const reading = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) visible[isIntersecting ? "add" : "delete"](target);
  const here = sections.find((section) => visible.has(section));
  if (!here) return;
  links.forEach((link) => link.removeAttribute("aria-current"));
  links.get(here.id)?.setAttribute("aria-current", "true");
}, { rootMargin: "-15% 0px -60% 0px" });
sections.forEach((section) => reading.observe(section));
