// What the page shows now, and what follows from it: who is drawn, who keeps the limits, what is to be taken.

const DATA = JSON.parse(byId("data").textContent);
const NETWORKS = DATA.networks;
NETWORKS.forEach((network, index) => {
  network.index = index;
});
const MEASURES = new Map(DATA.measures.map((measure) => [measure.name, measure]));

const state = {
  x: DATA.axes[0],
  y: DATA.axes[1],
  log: new Set(DATA.measures.filter(isWide).map((each) => each.name)),
  intervals: true,
  limits: new Map(Object.entries(DATA.limits).filter(([name]) => MEASURES.has(name))),
  brushes: new Map(), // of the axes below, by their names: [low, high]
  box: null, // of the plot: { x: [low, high], y: [low, high] }
  chosen: null,
  second: null, // another page's data
};

/** Whether a measure is better seen by its logarithm at first: all costs, and shares that come close to 1. */
function isWide(measure) {
  return measure.format !== "percent" || NETWORKS.some((each) => each.values[measure.name] > 0.95);
}

const listeners = [];
let asked = false;

/** Draw everything anew, once a frame. */
function changed() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    listeners.forEach((listener) => listener());
  });
}

function choose(index) {
  state.chosen = index;
  changed();
}

/** The number of images that a measure's shares were counted on; 0 where nobody knows. */
function trials(measure) {
  return (measure.split && DATA.images && DATA.images[measure.split]) || 0;
}

function axis(which) {
  return MEASURES.get(state[which]);
}

/** The networks of a kind that have a value on both axes. */
function drawn(kind, networks = NETWORKS) {
  return networks.filter((each) => each.kind === kind && state.x in each.values && state.y in each.values);
}

/** Of both axes what is paid and what is had for it, where that is so. */
function roles() {
  const both = [axis("x"), axis("y")];
  const had = both.find((each) => each.better === "more" && each.format === "percent");
  const paid = both.find((each) => each.better === "less");
  return had && paid ? { cost: paid, accuracy: had } : null;
}

/** Whether a network keeps a limit; one whose value is not known does not. */
function keeps(network, name, limit) {
  const value = network.values[name];
  return value !== undefined && (MEASURES.get(name).better === "more" ? value >= limit : value <= limit);
}

function feasible(network) {
  return [...state.limits].every(([name, limit]) => keeps(network, name, limit));
}

function between(value, [low, high]) {
  return value !== undefined && value >= low && value <= high;
}

/** Whether a network is in all ranges that are kept: of the axes below, and of the plot's box. */
function brushed(network) {
  const box = state.box;
  if (box && !(between(network.values[state.x], box.x) && between(network.values[state.y], box.y)))
    return false;
  if (network.kind === "plain") return true; // it has no such choices, and stands there for comparison
  return [...state.brushes].every(([name, range]) => {
    const dimension = DIMENSIONS.find((each) => each.name === name);
    return between(dimension.of(network), range);
  });
}

function lit(network) {
  return feasible(network) && brushed(network);
}

/** The networks of the same kind that nothing beats on these axes. */
function frontOf(kind) {
  return paretoFront(drawn(kind), axis("x"), axis("y"));
}

/** By what networks are chosen: test images judge, and choose nothing. */
function choosing(accuracy) {
  return accuracy.split === "valid" ? accuracy : MEASURES.get("accuracy");
}

/** What to take: the cheapest that keeps the limits and is within noise of the best that does. */
function picked() {
  const role = roles();
  if (!role) return null;
  const cost = role.cost;
  const accuracy = choosing(role.accuracy);
  const of = (kind) => drawn(kind).filter(feasible);
  const kind = of("finished").length ? "finished" : "found";
  const pool = of(kind);
  if (!pool.length) return null;
  const share = (network) => network.values[accuracy.name];
  const best = pool.reduce((one, other) => (share(other) > share(one) ? other : one));
  const count = trials(accuracy);
  const near = pool.filter((each) =>
    count ? difference(share(best), share(each), count)[1] <= 0 : share(each) === share(best),
  );
  near.sort((one, other) => one.values[cost.name] - other.values[cost.name] || share(other) - share(one));
  const beyond = drawn(kind).filter((each) => !feasible(each) && share(each) > share(best));
  beyond.sort((one, other) => one.values[cost.name] - other.values[cost.name]);
  return { kind, pool, best, near, pick: near[0], next: beyond[0], cost, accuracy, count };
}

/** A limit in words: ≤ 5 M. */
function bound(measure, limit) {
  return `${measure.better === "more" ? "≥" : "≤"} ${write(measure, limit)}`;
}

/** All limits of a mapping in words, those of measures that no network has too. */
function boundsInWords(limits) {
  return [...limits].map(([name, limit]) => {
    const measure = MEASURES.get(name);
    return measure ? `${lower(measure.title)} ${bound(measure, limit)}` : `${name} ${limit}`;
  });
}

/** What a network is called on the page. */
function title(network) {
  return network.label ? `${network.name} (${network.label})` : network.name;
}
