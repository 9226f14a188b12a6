// The component: a chessground board with two prediction cards beside it. Streamlit calls the default
// export at every rerun; the view is built once for its parent and then only told what changed.

import './board.css';
import type { Payload, Sent } from './types';
import { View } from './view';

interface Component {
  data: Payload;
  parentElement: HTMLElement | ShadowRoot;
  setTriggerValue: (name: string, value: Sent[]) => void;
}

const views = new WeakMap<object, View>();

export default function board({ data, parentElement, setTriggerValue }: Component): () => void {
  let view = views.get(parentElement);
  if (!view?.alive) {
    view = new View(parentElement);
    views.set(parentElement, view);
  }
  view.outbox.send = (actions) => setTriggerValue('actions', actions);
  view.receive(data);
  const shown = view;
  return () => shown.leave();
}
