// Axes: where a value lies on the page, and which round values are marked.

/** Round values from `low` to `high`, about `count` of them. */
function roundTicks(low, high, count = 6) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1)
    ticks.push(Number((n * step).toPrecision(12)));
  return ticks;
}

/** 1, 2 and 5 times powers of ten; over little more than a decade evenly spaced values say more. */
function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
  }
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  return inside.length < 4
    ? roundTicks(low, high, 5).filter((tick) => tick > 0)
    : inside.length > 9
      ? inside.filter((tick) => /^1/.test(String(tick.toExponential())))
      : inside;
}

/** Shares close to 1: their errors are 1, 2 and 5 times powers of ten. */
function errorTicks(low, high) {
  const ticks = [];
  for (let power = 0; power >= -5; power -= 1)
    for (const digit of [5, 2, 1]) ticks.push(Number((1 - digit * 10 ** (power - 1)).toPrecision(12)));
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  return inside.length < 3 ? roundTicks(low, high, 5) : inside;
}

/** How values go on an axis: as they are, by their logarithm, or, shares, by that of their error. */
function stretched(measure, log, low) {
  if (log && measure?.format === "percent") {
    const least = 0.5 / (trials(measure) || 1000); // a share of 1 is less than half an image away from it
    return [(value) => -Math.log(Math.max(1 - value, least)), (value) => 1 - Math.exp(-value), errorTicks];
  }
  return log && low > 0 ? [Math.log, Math.exp, logTicks] : [Number, Number, roundTicks];
}

/** A scale of a measure's `values` from pixel `from` to pixel `to`: { at, value, ticks, low, high }. */
function scaleOf(measure, values, log, from, to) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  const [into, back, ticksOf] = stretched(measure, log, low);
  const room = (into(high) - into(low)) * 0.06 || Math.abs(into(high)) * 0.1 || 1;
  const [first, last] = [into(low) - room, into(high) + room];
  [low, high] = [back(first), back(last)];
  const ticks = ticksOf(low, high);
  return {
    low,
    high,
    at: (value) => from + ((into(value) - first) / (last - first)) * (to - from),
    value: (pixel) => back(first + ((pixel - from) / (to - from)) * (last - first)),
    ticks: measure?.format === "percent" ? ticks.filter((tick) => tick >= 0 && tick <= 1) : ticks,
  };
}
