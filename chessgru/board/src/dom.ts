// Builds elements. Text is only ever set as text, so a player's name cannot become markup.

type Attributes = Record<string, string | number | boolean | undefined>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children);
  return node;
}

const NS = 'http://www.w3.org/2000/svg';

export function svg(tag: string, attributes: Attributes = {}, ...children: Node[]): SVGElement {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

const ICONS: Record<string, string> = {
  first: 'M6 5v14M19 5l-9 7 9 7z',
  previous: 'M16 5l-9 7 9 7z',
  next: 'M8 5l9 7-9 7z',
  last: 'M18 5v14M5 5l9 7-9 7z',
  flip: 'M7 20V5M3.5 8.5L7 5l3.5 3.5M17 4v15M13.500 15.500L17 19l3.500-3.500',
  undo: 'M9 5L4 10l5 5M4 10h10a6 6 0 0 1 0 11h-3',
  flag: 'M6 21V4h11l-2.500 4 2.500 4H6',
  draw: 'M5 9h14M5 15h14',
  plus: 'M12 5v14M5 12h14',
  save: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  closed: 'M3 10c2 3 5.500 5 9 5s7-2 9-5M6 14l-2 2.500M12 15v3.500M18 14l2 2.500',
};

export function icon(name: string): SVGElement {
  return svg(
    'svg',
    { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' },
    svg('path', { d: ICONS[name] }),
  );
}

export function button(label: string, iconName: string, run: () => void, text = ''): HTMLButtonElement {
  const node = el('button', { type: 'button', title: label, 'aria-label': label }, icon(iconName));
  if (text) node.append(el('span', {}, text));
  node.addEventListener('click', run);
  return node;
}

export const percent = (p: number): string => (p > 0 && p < 0.01 ? '<1 %' : `${Math.round(100 * p)} %`);
