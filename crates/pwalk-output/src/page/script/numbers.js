// ---- numbers ----

const BLANK = "\u00a0";
// Intl takes 20 ms to load.
const count = (number) => String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ",");
// Three digits, or four.
const digits = (number) => number >= 99.95 ? count(number) : number.toFixed(number < 9.995 ? 2 : 1);
const scaled = (number, base, units) => {
  let unit = 0;
  while (number >= base - 0.5 && unit < units.length - 1) { number /= base; unit += 1; }
  return `${unit === 0 ? count(number) : digits(number)}${units[unit] ? BLANK + units[unit] : ""}`;
};
const bytes = (number) => scaled(number, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]);
// Of a power of two.
const bound = (number) => bytes(number).replace(/\.0+(?=\D)/, "");
const short = (number) => number < 100000 ? count(number) : scaled(number, 1000, ["", "k", "M", "G", "T"]);
const share = (part, whole) => {
  const percent = whole > 0 ? 100 * part / whole : 0;
  if (percent > 0 && percent < 0.1) return `<0.1${BLANK}%`;
  return `${percent.toFixed(percent < 9.95 && percent > 0 ? 1 : 0)}${BLANK}%`;
};
const DAY = 86400;
// A time in seconds since the epoch; a filesystem may have any.
const moment = (seconds) => new Date(seconds * 1000);
const date = (seconds) => {
  const time = moment(seconds);
  const year = time.getUTCFullYear();
  return year >= 0 && year <= 9999 ? time.toISOString().slice(0, 10) : `@${seconds}`;
};
const plural = (number, one, more) => `${short(number)} ${number === 1 ? one : more}`;
const isNumber = (value) => typeof value === "number";

// ---- owners ----

const named = (list, word) => {
  const names = new Map(list.rows.map(([id, name]) => [id, name]));
  return (id) => names.get(id) ?? `${word} ${id}`;
};
const ownerName = named(lists.owners, "uid");
const groupName = named(lists.groups, "gid");

// ---- ages ----

const AGES = [
  ["today", "today", 1], ["week", "a week", 7], ["month", "a month", 30], ["quarter", "3 months", 91],
  ["half_year", "6 months", 183], ["1y", "a year", 365], ["2y", "2 years", 730], ["3y", "3 years", 1095],
  ["5y", "5 years", 1826], ["older", "older", Infinity], ["future", "in the future", -1],
];
const ageLabel = (index) => {
  const [, label, days] = AGES[index];
  return index > 0 && days > 0 && days < Infinity ? `up to ${label}` : label;
};
const ageIndex = (key) => AGES.findIndex(([known]) => known === key);
const today = Math.floor((Date.parse(facts.ages_as_of) || Date.now()) / 1000 / DAY);
// Of a day since the epoch. Clocks differ, so that tomorrow is today.
const ageOf = (day) => day > today + 1 ? 10 : AGES.findIndex(([, , days]) => today - day < days);

