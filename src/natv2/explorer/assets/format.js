// How values are written, and how elements are made: text is always text, never markup.

const PREFIXES = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
  [1, ""],
];

/** A number with three significant digits and its prefix: 412 k, 7.66 M. */
function amount(value) {
  const size = Math.abs(value);
  const [unit, prefix] = PREFIXES.find(([least]) => size >= least * 0.9995) || [1, ""];
  const text = Number((value / unit).toPrecision(3)).toString();
  return prefix ? `${text} ${prefix}` : text;
}

const WRITE = {
  percent: (value) => `${(100 * value).toFixed(1)} %`,
  amount,
  number: (value, unit) => `${Number(value.toPrecision(3))}${unit ? ` ${unit}` : ""}`,
  bytes: (value) =>
    value >= 999500 ? `${(value / 1e6).toPrecision(3)} MB` : `${(value / 1e3).toPrecision(3)} kB`,
};

/** A value of a measure for people; a dash where it is not known. */
function write(measure, value) {
  return value === undefined || value === null ? "–" : WRITE[measure.format](value, measure.unit || "");
}

/** A round value on an axis, whose title has its unit. */
function writeTick(measure, value) {
  return measure.format === "percent" ? String(Number((100 * value).toFixed(3))) : write(measure, value);
}

/** A value with what it is of: 1.24 M MACs, 3.2 ms of latency. */
function writeWhole(measure, value) {
  if (measure.format === "amount") {
    return `${write(measure, value)} ${lower(measure.title)}`;
  }
  return measure.format === "percent"
    ? `${write(measure, value)} ${lower(measure.title)}`
    : `${write(measure, value)} of ${lower(measure.title)}`;
}

/** A title within a sentence; MACs stay so. */
function lower(title) {
  return /^.[A-Z]/.test(title) ? title : title[0].toLowerCase() + title.slice(1);
}

/** Percentage points with their sign: +1.2 points. */
function points(gap) {
  return `${signed(gap)} points`;
}

function signed(gap) {
  return `${gap >= 0 ? "+" : "−"}${(100 * gap).toFixed(1).replace("-", "")}`;
}

function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** An HTML element; functions listen, everything else is an attribute; texts among `children` become text nodes. */
function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
function draw(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** A name that others gave: apart from the text around it, whatever its direction; a line ends after its _. */
function named(text) {
  const parts = String(text).split(/(?<=_)/);
  return make(
    "bdi",
    {},
    parts.flatMap((part, i) => (i ? [make("wbr"), part] : [part])),
  );
}

function byId(id) {
  return document.getElementById(id);
}

/** New contents for `container`; who had the focus by its data-key keeps it. */
function refill(container, ...children) {
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  container.replaceChildren(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  if (focused)
    [...container.querySelectorAll("[data-key]")]
      .find((each) => each.dataset.key === focused)
      ?.focus({ preventScroll: true });
}
