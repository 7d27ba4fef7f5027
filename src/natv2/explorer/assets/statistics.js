// How sure a share is, what is not dominated, how much it dominates: pure functions, tested against Python's.

const Z = 1.959964; // 95 % of a normal distribution lie within

/** The 95 % interval of a share that was counted on `trials` images (Wilson, 1927). */
function wilson(share, trials) {
  const weight = (Z * Z) / trials;
  const centre = (share + weight / 2) / (1 + weight);
  const half = (Z / (1 + weight)) * Math.sqrt((share * (1 - share)) / trials + weight / (4 * trials));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** By how much `one` is above `other`, and the 95 % interval of it (Newcombe, 1998, method 10): unpaired, so wide. */
function difference(one, other, trials, others = trials) {
  const [low1, high1] = wilson(one, trials);
  const [low2, high2] = wilson(other, others);
  const gap = one - other;
  return [gap, gap - Math.hypot(one - low1, high2 - other), gap + Math.hypot(high1 - one, other - low2)];
}

/** `value` as a cost: less is better. */
function asCost(measure, value) {
  return measure.better === "more" ? -value : value;
}

/** Those of `points` that no other is at least as good as in both measures, and better in one; by the first. */
function paretoFront(points, first, second) {
  const cost = (point) => [
    asCost(first, point.values[first.name]),
    asCost(second, point.values[second.name]),
  ];
  const ordered = points.map((point) => [point, ...cost(point)]).sort((a, b) => a[1] - b[1] || a[2] - b[2]);
  const front = [];
  let best = Infinity,
    at = NaN; // the least second cost so far, and the first cost that it was found at
  for (const [point, x, y] of ordered) {
    if (y < best) [best, at] = [y, x];
    else if (!(y === best && x === at)) continue;
    front.push(point);
  }
  return front;
}

/** Costs scaled so that `ideal` is 0 and `reference` 1. */
function inBox(costs, ideal, reference) {
  return costs.map((cost, i) => (cost - ideal[i]) / (reference[i] > ideal[i] ? reference[i] - ideal[i] : 1));
}

/** The area between two-dimensional costs and the reference, in units of the box from the ideal to it. */
function hypervolume(costs, ideal, reference) {
  const inside = costs.map((each) => inBox(each, ideal, reference)).filter(([x, y]) => x < 1 && y < 1);
  inside.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let area = 0,
    last = 1;
  for (const [x, y] of inside) {
    if (y < last) {
      area += (1 - x) * (last - y);
      last = y;
    }
  }
  return area;
}

/** The box that several sets of costs share: the best of each, and a tenth of the range beyond the worst. */
function commonBox(costs) {
  const ideal = [0, 1].map((i) => Math.min(...costs.map((each) => each[i])));
  const worst = [0, 1].map((i) => Math.max(...costs.map((each) => each[i])));
  const reference = worst.map((most, i) => most + 0.1 * (most > ideal[i] ? most - ideal[i] : 1));
  return { ideal, reference };
}

/** Which of `points` are not surely worse than the best one that costs no more: their indices. */
function withinNoise(points, cost, accuracy, trials) {
  const near = new Set();
  if (!trials) return near;
  const ordered = points.map((point, i) => [
    i,
    asCost(cost, point.values[cost.name]),
    point.values[accuracy.name],
  ]);
  ordered.sort((a, b) => a[1] - b[1] || b[2] - a[2]);
  let best = -Infinity;
  for (const [i, , share] of ordered) {
    best = Math.max(best, share);
    if (difference(best, share, trials)[1] <= 0) near.add(i);
  }
  return near;
}
