/** The style of `<parley-chat>`: each `--parley-*` property can be set on the element. */

const HUES = Array.from({ length: 12 }, (_, hue) => `.hue-${hue} { background: oklch(0.5 0.11 ${hue * 30}); }`).join("\n");

export const CSS = `
:host {
  --surface: var(--parley-surface, light-dark(#ffffff, #1a1d21));
  --text: var(--parley-text, light-dark(#1b1f24, #e8eaed));
  --hint: var(--parley-hint, light-dark(#5a6470, #a0a9b4));
  --line: var(--parley-line, light-dark(#e2e5e9, #2e3339));
  --field-line: var(--parley-field-line, light-dark(#868e99, #6f7883));
  --code: var(--parley-code, light-dark(#f2f3f5, #24282e));
  --accent: var(--parley-accent, light-dark(#0f766e, #2dd4bf));
  --on-accent: var(--parley-on-accent, light-dark(#ffffff, #04211d));
  --mention: var(--parley-mention, light-dark(#fff5e0, #33291a));
  --bad: var(--parley-bad, light-dark(#b42318, #fda29b));
  --wait: var(--parley-wait, light-dark(#9a5b06, #fbbf24));
  --good: var(--parley-good, light-dark(#15803d, #4ade80));
  --radius: var(--parley-radius, 8px);
  display: flex;
  flex-direction: column;
  overflow: hidden;
  height: 420px;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
  color: var(--text);
  font: var(--parley-font, 15px/22px system-ui, sans-serif);
  text-align: start;
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
p, ol, ul, pre, blockquote { margin: 0; padding: 0; }
button, textarea { font: inherit; color: inherit; }
button { min-height: 28px; padding: 2px 12px; border: 1px solid var(--field-line); border-radius: calc(var(--radius) / 2); background: none; cursor: pointer; }
button.primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); font-weight: 600; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
button:focus-visible { outline-offset: 2px; }
a { color: inherit; text-decoration: underline; }

.view { position: relative; flex: 1; min-height: 0; display: flex; flex-direction: column; }
.log { flex: 1; min-height: 0; overflow-y: auto; overflow-anchor: none; overscroll-behavior: contain; padding: 12px 0; }
.more { display: block; margin: 0 auto 8px; }
ol + .more { margin: 12px auto 48px; }
.newest { position: absolute; bottom: 12px; left: 50%; transform: translateX(-50%); padding: 4px 16px; border-radius: 18px; background: var(--surface); box-shadow: 0 2px 8px rgb(0 0 0 / 20%); font-size: 13px; white-space: nowrap; }
.newest.behind { border-color: var(--accent); background: var(--accent); color: var(--on-accent); font-weight: 600; }
.empty { padding: 24px; text-align: center; color: var(--hint); }
ol { list-style: none; }
.message { display: grid; grid-template-columns: 36px minmax(0, 1fr); column-gap: 12px; padding: 8px 16px 0; }
.message.joined { padding-top: 0; }
.message.joined .avatar, .message.joined .by { display: none; }
.message.joined .body { grid-column: 2; }
.message.unsent .text { opacity: 0.6; }
.day { margin: 16px 0 8px; text-align: center; font-size: 12px; line-height: 16px; color: var(--hint); }
.by { display: flex; gap: 8px; align-items: baseline; min-width: 0; }
.by b { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.by time, .hint, .error { font-size: 12px; line-height: 16px; color: var(--hint); }
.error { color: var(--bad); }
.avatar { display: grid; place-items: center; width: 36px; height: 36px; border-radius: 50%; color: #fff; font-size: 13px; font-weight: 600; }
.avatar::before { content: attr(data-initials); }

.text { overflow-wrap: anywhere; unicode-bidi: isolate; overflow: clip; overflow-clip-margin: 4px; }
.text p { white-space: pre-wrap; }
.text ol, .text ul { padding-inline-start: 24px; }
.text ul { list-style: disc; }
.text ol { list-style: decimal; }
.text blockquote { padding-inline-start: 12px; border-inline-start: 3px solid var(--line); }
.text pre { overflow-x: auto; padding: 8px; border-radius: calc(var(--radius) / 2); background: var(--code); }
.text code { background: var(--code); font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
.text.emoji-only { font-size: 32px; line-height: 40px; }
.mention { font-weight: 600; }
.mention.of-me { background: var(--mention); }
.reactions { display: flex; flex-wrap: wrap; gap: 4px; margin-top: 4px; }
.reaction { padding: 0 8px; border: 1px solid var(--line); border-radius: 12px; font-size: 13px; }

.state { display: flex; align-items: center; gap: 8px; padding: 8px 16px; border-top: 1px solid var(--line); font-size: 13px; line-height: 20px; }
.state::before { content: ""; flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--wait); }
.state p { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.state[data-state="online"] { padding: 0; border: 0; }
.state[data-state="online"]::before { display: none; }
.state[data-state="back"]::before { background: var(--good); }
.state:is([data-state="ended"], [data-state="login"], [data-state="notice"])::before { background: var(--bad); }
.composer { display: flex; gap: 8px; align-items: end; padding: 12px 16px; border-top: 1px solid var(--line); }
textarea { flex: 1; min-width: 0; min-height: 36px; max-height: 132px; padding: 6px 12px; border: 1px solid var(--field-line); border-radius: var(--radius); background: none; resize: none; field-sizing: content; }
textarea::placeholder { color: var(--hint); opacity: 1; }
.composer button { min-height: 36px; }
${HUES}
`;
