// One line in the list of people, and what may be done about that person.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Right } from '../protocol/messages';
import type { CallModel, Tile } from '../state/call';
import { BITS, RIGHTS, type Hindrance } from '../state/moderation';
import { en } from '../text/en';
import { CameraIcon, HandIcon, MicIcon, MoreIcon, ScreenIcon } from './icons';

interface PersonProps {
  readonly call: CallModel;
  readonly tile: Tile;
  readonly sharing: boolean;
}

export function Person({ call, tile, sharing }: PersonProps) {
  const [open, setOpen] = useState(false);
  const silenced = (tile.muted & Right.Microphone) !== 0;
  const note = tile.lost ? en.call.lost : tile.hidden ? en.call.away : silenced ? en.call.silenced : null;
  const mayDecide = call.moderation.moderates.value && !tile.self;
  return (
    <li class={tile.speaking ? 'person is-speaking' : 'person'} data-test="person" data-member={tile.name} data-role={tile.role} data-muted={tile.muted}>
      <div class="person-line">
        <span class={`avatar tile-hue-${tile.hue}`} aria-hidden="true">
          {tile.initials}
        </span>
        <span class="person-text">
          <bdi class="person-name">{tile.name}</bdi>
          {tile.self && <span class="tag">{en.call.you}</span>}
          {tile.role !== 'guest' && <span class="tag tag-role">{en.people.roles[tile.role]}</span>}
          {tile.invite !== null && call.moderation.moderates.value && <span class="tag">{en.invites.number(tile.invite)}</span>}
          {tile.twin && (
            <span class="tag tag-warn" title={en.call.twinWhy}>
              {en.call.twin}
            </span>
          )}
          {note !== null && <span class="person-note">{note}</span>}
        </span>
        <span class="person-icons">
          {tile.hand && (
            <span role="img" aria-label={en.call.hand}>
              <HandIcon />
            </span>
          )}
          {sharing && (
            <span role="img" aria-label={en.call.share}>
              <ScreenIcon />
            </span>
          )}
          {!tile.camera && (
            <span role="img" class="is-faint" aria-label={en.call.cameraIsOff}>
              <CameraIcon off />
            </span>
          )}
          {!tile.microphone && (
            <span role="img" class="is-faint" aria-label={en.call.muted}>
              <MicIcon off />
            </span>
          )}
        </span>
        {mayDecide && (
          <button class="control control-small" type="button" data-test="person-more" aria-expanded={open} aria-label={en.people.more(tile.name)} title={en.people.more(tile.name)} onClick={() => setOpen(!open)}>
            <MoreIcon />
          </button>
        )}
      </div>
      {mayDecide && open && <Actions call={call} tile={tile} done={() => setOpen(false)} />}
    </li>
  );
}

function Actions({ call, tile, done }: { readonly call: CallModel; readonly tile: Tile; readonly done: () => void }) {
  const { moderation } = call;
  const member = tile.id;
  const over = moderation.over(tile);
  const roles = moderation.overRoles();
  return (
    <div class="person-actions" role="group" aria-label={en.people.more(tile.name)}>
      {RIGHTS.map((right) => {
        const off = (tile.muted & BITS[right]) !== 0;
        const why = moderation.overRight(tile, right);
        return (
          <Action key={right} call={call} test={`mute-${right}`} why={why} onClick={() => moderation.decide({ t: 'muteMember', member, kinds: BITS[right], on: !off })}>
            {off ? en.people.unmute[right] : en.people.mute[right]}
          </Action>
        );
      })}
      {tile.role === 'moderator' && (
        <Action call={call} test="dismiss" why={roles} {...(tile.keyed ? { title: en.people.takeKeyHint } : {})} onClick={() => moderation.decide({ t: 'dismiss', member })}>
          {tile.keyed ? en.people.takeKey : en.people.dismiss}
        </Action>
      )}
      {tile.role === 'guest' && (
        <Action call={call} test="appoint" why={roles} title={en.people.appointHint} onClick={() => moderation.decide({ t: 'appoint', member })}>
          {en.people.appoint}
        </Action>
      )}
      {tile.invite !== null && (
        <Action call={call} test="revoke-invite" why={over} title={en.invites.revokeHint} onClick={() => tile.invite !== null && call.invites.revoke(tile.invite)}>
          {en.invites.revokeOf(tile.invite)}
        </Action>
      )}
      <Action
        call={call}
        test="remove"
        why={over}
        danger
        onClick={() => {
          moderation.decide({ t: 'remove', member, bar: false });
          done();
        }}
      >
        {en.people.remove}
      </Action>
      <Action
        call={call}
        test="ban"
        why={over}
        danger
        title={en.people.banHint}
        onClick={() => {
          moderation.ban(member);
          done();
        }}
      >
        {en.people.ban}
      </Action>
    </div>
  );
}

export interface ActionProps {
  readonly call: CallModel;
  readonly test: string;
  readonly why: Hindrance | null;
  readonly title?: string;
  readonly danger?: boolean;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

/** A button that stays in reach of keyboard and screen reader when it may not be used, and says why: before and after it is pressed. */
export function Action({ call, test, why, title, danger = false, onClick, children }: ActionProps) {
  const says = why === null ? title : en.hindrances[why];
  return (
    <button
      class={danger ? 'button button-small button-danger' : 'button button-small'}
      type="button"
      data-test={test}
      aria-disabled={why !== null}
      {...(says === undefined ? {} : { title: says, 'aria-description': says })}
      onClick={() => {
        if (why === null) onClick();
        else call.toast(why, '');
      }}
    >
      {children}
    </button>
  );
}
