// Short messages that come and go: arrivals, departures, small troubles. Read out politely, never taking the focus.

import { useEffect } from 'preact/hooks';
import type { CallModel, Toast } from '../state/call';
import { en } from '../text/en';
import { CloseIcon } from './icons';
import type { CallProps } from './props';

/** Long enough to be read twice. */
const SHOWN_MS = 6_000;

export function Toasts({ call }: CallProps) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {call.toasts.value.map((toast) => (
        <ToastLine key={toast.key} call={call} toast={toast} />
      ))}
    </div>
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
      return en.toasts[kind](name);
    default:
      return en.notices[kind];
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
