/**
 * What people call the device behind a User-Agent header: "Firefox on Windows". Pure.
 */

// In this order: most name others before themselves.
const PROGRAMS = [
  [/Edg(e|A|iOS)?\//, "Edge"], [/OPR\//, "Opera"], [/SamsungBrowser\//, "Samsung Internet"],
  [/(Firefox|FxiOS)\//, "Firefox"], [/(Chrome|CriOS)\//, "Chrome"], [/Version\/.*Safari\//, "Safari"],
];
const SYSTEMS = [
  [/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Android/, "Android"], [/Windows/, "Windows"],
  [/CrOS/, "ChromeOS"], [/Mac OS X|Macintosh/, "macOS"], [/Linux/, "Linux"],
];

/** @param label what the session was begun with, or null. */
export function deviceName(label) {
  if (!label) return "Unknown device";
  const [program, system] = [PROGRAMS, SYSTEMS].map((known) => known.find(([pattern]) => pattern.test(label))?.[1]);
  // A label of another kind was chosen by its client.
  if (!program) return label;
  return system ? `${program} on ${system}` : program;
}
