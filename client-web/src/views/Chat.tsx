// The chat panel. Text is shown as text: no links are made of it, nothing in it is loaded or run.

import { useEffect, useRef, useState } from 'preact/hooks';
import { en } from '../text/en';
import { SendIcon } from './icons';
import { Panel } from './Panel';
import type { CallProps } from './props';

/** Within this distance of the end the log follows new lines; further up somebody is reading. */
const FOLLOW_PX = 80;

/** Enough to tell lines apart by ear. */
function beginning(text: string): string {
  const letters = [...text];
  return letters.length > 40 ? `${letters.slice(0, 40).join('')}…` : text;
}

export function ChatPanel({ call }: CallProps) {
  const lines = call.chat.value;
  const online = call.phase.value === 'inCall';
  const forbidden = call.moderation.forbidden('write');
  const [text, setText] = useState('');
  const log = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  const seen = useRef({ top: 0, width: 0, height: 0 });
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const element = log.current;
    if (element !== null && follow.current) element.scrollTop = element.scrollHeight;
  }, [lines.at(-1)?.key]);
  useEffect(() => {
    const element = log.current;
    if (element === null) return undefined;
    // A keyboard or a short message takes some of the height, a turned telephone changes all of it: the latest line stays in sight.
    const observer = new ResizeObserver(() => {
      if (follow.current) element.scrollTop = element.scrollHeight;
      seen.current = { top: element.scrollTop, width: element.clientWidth, height: element.clientHeight };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const send = (event: Event): void => {
    event.preventDefault();
    follow.current = true;
    if (call.send(text)) setText('');
  };
  // Only into the field: whoever came since may read it now, which is the writer's to decide. What stands there stays.
  const again = (line: string): void => {
    setText(text.trim() === '' ? line : `${text}\n${line}`);
    field.current?.focus();
  };
  return (
    <Panel title={en.chat.title} call={call}>
      <div
        class="chat-log"
        ref={log}
        data-test="chat-log"
        role="log"
        aria-live="polite"
        aria-label={en.chat.title}
        tabIndex={0}
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientWidth, clientHeight } = event.currentTarget;
          const { top, width, height } = seen.current;
          // A new size moves the log by itself, before its observer hears of it.
          if (clientWidth !== width || clientHeight !== height) return;
          // Only whoever goes up wants to stay there: lines that came since the log was moved down are no reason.
          if (scrollHeight - scrollTop - clientHeight < FOLLOW_PX) follow.current = true;
          else if (scrollTop < top) follow.current = false;
          seen.current = { top: scrollTop, width, height };
        }}
      >
        {lines.length === 0 && <p class="chat-empty">{en.chat.empty}</p>}
        {lines.map((line, index) => (
          <div key={line.key} class={line.mine ? 'chat-line is-mine' : 'chat-line'} data-test="chat-line" data-from={line.name}>
            {(index === 0 || lines[index - 1]?.name !== line.name || lines[index - 1]?.mine !== line.mine) && (
              <p class="chat-from">
                <bdi>{line.mine ? en.chat.me : line.name}</bdi> <time>{line.time}</time>
              </p>
            )}
            <p class="chat-text" dir="auto" data-test="chat-text">
              {line.text}
            </p>
            {line.unsure && (
              <p class="chat-unsure" data-test="chat-unsure">
                {en.chat.unsure}{' '}
                <button class="button button-small" type="button" data-test="chat-again" aria-label={en.chat.againLine(beginning(line.text))} onClick={() => again(line.text)}>
                  {en.chat.again}
                </button>
              </p>
            )}
          </div>
        ))}
      </div>
      <form class="chat-form" onSubmit={send} autocomplete="off">
        {!online && <p class="hint">{en.chat.offline}</p>}
        {forbidden !== null && (
          <p class="hint hint-warn" id="chat-forbidden" data-test="chat-forbidden">
            {en.rights[`write-${forbidden}`]}
          </p>
        )}
        <div class="chat-row">
          <textarea
            class="input chat-input"
            ref={field}
            data-test="chat-input"
            data-first-focus
            dir="auto"
            rows={1}
            aria-label={en.chat.field}
            placeholder={en.chat.field}
            {...(forbidden === null ? {} : { 'aria-describedby': 'chat-forbidden' })}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              // While a character is being composed, Enter belongs to the input method.
              if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send(event);
            }}
          />
          <button class="control is-open" type="submit" data-test="chat-send" aria-label={en.chat.send} title={en.chat.send} disabled={!online || forbidden !== null || text.trim() === ''}>
            <SendIcon />
          </button>
        </div>
      </form>
    </Panel>
  );
}
