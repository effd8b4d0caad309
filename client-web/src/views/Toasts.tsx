// Short messages that come and go: arrivals, departures, small troubles. Never taking the focus; read out politely from a list of
// their own, because in a rush of arrivals the later ones push the earlier off the screen before they could be read out.

import { useEffect } from 'preact/hooks';
import type { CallModel, Toast } from '../state/call';
import { en } from '../text/en';
import { CloseIcon } from './icons';
import type { CallProps } from './props';

/** Long enough to be read twice. */
const SHOWN_MS = 6_000;

export function Toasts({ call }: CallProps) {
  return (
    <>
      <div class="unseen" role="log" aria-live="polite" data-test="announced">
        {call.announced.value.map((toast) => (
          <p key={toast.key}>{words(toast)}</p>
        ))}
      </div>
      <div class="toasts">
        {call.toasts.value.map((toast) => (
          <ToastLine key={toast.key} call={call} toast={toast} />
        ))}
      </div>
    </>
  );
}

function words(toast: Toast): string {
  const { kind, name } = toast;
  switch (kind) {
    case 'arrived':
    case 'returned':
    case 'left':
    case 'removed':
    case 'lostConnection':
    case 'cameraLost':
    case 'microphoneLost':
    case 'screenFailed':
    case 'appointed':
    case 'dismissed':
    case 'compared':
    case 'compareChanged':
    case 'linkChanged':
      return en.toasts[kind](name);
    default:
      return ({ ...en.notices, ...en.rights, ...en.hindrances } satisfies Record<typeof kind, string>)[kind];
  }
}

function ToastLine({ call, toast }: { readonly call: CallModel; readonly toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => call.dismiss(toast.key), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [call, toast.key]);
  return (
    <p class="toast" data-test="notice">
      <bdi>{words(toast)}</bdi>
      <button class="toast-close" type="button" aria-label={en.call.close} onClick={() => call.dismiss(toast.key)}>
        <CloseIcon />
      </button>
    </p>
  );
}
