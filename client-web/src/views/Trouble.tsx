// Ends and errors: what happened, what to do next. The one about unencrypted media fills the screen.

import type { LinkProblem } from '../protocol/messages';
import type { CapabilityProblem, ClientFault, ErrorCode } from '../state/app';
import { en } from '../text/en';
import { AlertIcon, CopyIcon } from './icons';
import { LinkField } from './LinkField';
import type { ViewProps } from './props';
import { Shell } from './Shell';

/** Errors of the link itself: another one may be pasted at once. */
const ABOUT_LINK: ReadonlySet<ErrorCode> = new Set<LinkProblem>(['notALink', 'cut', 'damaged', 'newer', 'notYetSupported', 'credential', 'otherServer']);
/** Errors of the browser: the link may have to be carried elsewhere. */
const ABOUT_BROWSER: ReadonlySet<ErrorCode> = new Set<CapabilityProblem | ClientFault>(['insecure', 'lockedDown', 'noWebRtc', 'noWebAssembly', 'noTransforms', 'noWorkers', 'coreFailed', 'mediaFailed']);
/** Trying again could not help, or must not be suggested. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['barred', 'plaintext', 'coreFailed', 'mediaFailed', 'internal', 'incompatible', 'notAllowed']);

export interface TroubleProps extends ViewProps {
  readonly code: ErrorCode;
  readonly servers?: readonly string[];
  readonly ended?: boolean;
}

export function Trouble({ app, code, servers = [], ended = false }: TroubleProps) {
  const text = en.troubles[code];
  const loud = code === 'plaintext';
  return (
    <Shell state={ended ? 'ended' : 'error'} code={code}>
      <section class={loud ? 'card card-loud' : 'card'} role={ended ? 'status' : 'alert'}>
        {!ended && (
          <span class="card-symbol">
            <AlertIcon />
          </span>
        )}
        <h1 class="title" data-test="error-title">
          {text.title}
        </h1>
        <div class="lead" data-test="error-text">
          <p>{text.what}</p>
          <p class="next" data-test="error-next">
            {text.next}
          </p>
          {servers.length > 0 && (
            <ul class="servers">
              {servers.map((server) => (
                <li key={server}>
                  <bdi dir="ltr">{server}</bdi>
                </li>
              ))}
            </ul>
          )}
        </div>
        {ABOUT_LINK.has(code) && <LinkField app={app} />}
        <div class="actions">
          {ABOUT_BROWSER.has(code) && app.hasLink.value && <CopyLink app={app} />}
          {!ABOUT_LINK.has(code) && !ABOUT_BROWSER.has(code) && !FINAL.has(code) && app.hasLink.value && (
            <button class="button button-primary" type="button" data-test="again" onClick={() => void app.again()}>
              {ended ? en.ended.again : en.error.again}
            </button>
          )}
        </div>
      </section>
    </Shell>
  );
}

export function CopyLink({ app }: ViewProps) {
  const copied = app.copied.value;
  return (
    <div class="copy">
      <button class="button" type="button" data-test="copy-link" onClick={() => void app.copyLink()}>
        <CopyIcon />
        {en.join.copy}
      </button>
      <span class="hint" role="status">
        {[copied === 'yes' ? en.join.copied : copied === 'failed' ? en.join.copyFailed : '', copied !== 'yes' && inAddress() ? en.join.inAddress : ''].join(' ').trim()}
      </span>
    </div>
  );
}

/** A link that was pasted never stood there, and one that was joined with no longer does. */
const inAddress = (): boolean => location.hash.length > 1;
