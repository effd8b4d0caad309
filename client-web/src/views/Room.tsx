// The rules of the call: read by everybody, changed by hosts and moderators.

import type { ComponentChildren } from 'preact';
import { BITS, RIGHTS, type Hindrance } from '../state/moderation';
import type { CallModel } from '../state/call';
import { Right } from '../protocol/messages';
import { en } from '../text/en';
import { InvitesSection, LinkSection } from './Invites';
import { Panel } from './Panel';
import { Action } from './Person';
import type { CallProps } from './props';
import { Sure } from './Sure';

export function RoomPanel({ app, call }: CallProps) {
  const { moderation } = call;
  const rules = moderation.rules.value;
  const why = call.phase.value === 'inCall' ? moderation.overRules() : 'offline';
  return (
    <Panel title={en.room.title} call={call}>
      <p class="hint" data-test="own-role" data-role={moderation.role.value}>
        {en.room.yours[moderation.role.value]} {en.room.why}
      </p>
      <Section title={en.room.door}>
        <Switch call={call} test="rule-lobby" label={en.room.lobby} hint={en.room.lobbyHint} on={rules?.lobby ?? false} why={why} set={(on) => moderation.decide({ t: 'lobby', on })} />
        <Switch call={call} test="rule-locked" label={en.room.locked} hint={en.room.lockedHint} on={rules?.locked ?? false} why={why} set={(on) => moderation.decide({ t: 'lock', on })} />
        {rules?.lobby === true && <Switch call={call} test="rule-invited" label={en.invites.enter} on={rules.invitedEnter} why={why} set={(on) => moderation.decide({ t: 'invitedEnter', on })} />}
      </Section>
      <Section title={en.room.guests} hint={en.room.guestsHint}>
        {RIGHTS.map((right) => (
          <Switch key={right} call={call} test={`guests-${right}`} label={en.room.rights[right]} on={moderation.guestsMay(right)} why={why} set={(on) => moderation.letGuests(right, on)} />
        ))}
      </Section>
      {moderation.moderates.value && (
        <Section title={en.room.now} hint={en.room.muteAllHint}>
          <div class="person-actions">
            <Action call={call} test="mute-all" why={why} onClick={() => moderation.decide({ t: 'muteAll', kinds: Right.Microphone, on: true })}>
              {en.room.muteAll}
            </Action>
            <Action call={call} test="unmute-all" why={why} onClick={() => moderation.decide({ t: 'muteAll', kinds: Right.Microphone, on: false })}>
              {en.room.unmuteAll}
            </Action>
            <Action call={call} test="stop-sharing" why={why} onClick={() => stopSharing(call)}>
              {en.room.stopSharing}
            </Action>
          </div>
        </Section>
      )}
      {moderation.role.value === 'host' && <InvitesSection app={app} call={call} />}
      {moderation.role.value === 'host' && <LinkSection call={call} />}
      {moderation.role.value === 'host' && <End call={call} />}
    </Panel>
  );
}

/** No guest may share from here on; and a host or moderator who shares right now, and whom one may mute, is muted. */
function stopSharing({ moderation, members }: CallModel): void {
  moderation.letGuests('screen', false);
  for (const member of members.value) {
    if (!member.self && member.screen && member.role !== 'guest' && moderation.over(member) === null) {
      moderation.decide({ t: 'muteMember', member: member.id, kinds: BITS.screen, on: true });
    }
  }
}

function Section({ title, hint, children }: { readonly title: string; readonly hint?: string; readonly children: ComponentChildren }) {
  return (
    <section class="rules" aria-label={title}>
      <h3 class="section-title">{title}</h3>
      {hint !== undefined && <p class="hint">{hint}</p>}
      {children}
    </section>
  );
}

interface SwitchProps {
  readonly call: CallModel;
  readonly test: string;
  readonly label: string;
  readonly hint?: string;
  readonly on: boolean;
  readonly why: Hindrance | null;
  readonly set: (on: boolean) => void;
}

/** Shows what the rules *are*: it turns when the group has agreed, not when it is pressed. For guests it is a line to read. */
function Switch({ call, test, label, hint, on, why, set }: SwitchProps) {
  const hintId = `${test}-hint`;
  return (
    <div class="rule">
      <button
        class="switch"
        type="button"
        role="switch"
        data-test={test}
        aria-checked={on}
        aria-disabled={why !== null}
        {...(hint === undefined ? {} : { 'aria-describedby': hintId })}
        {...(why === null ? {} : { title: en.hindrances[why], 'aria-description': en.hindrances[why] })}
        onClick={() => {
          if (why === null) set(!on);
          else call.toast(why, '');
        }}
      >
        <span class="switch-label">{label}</span>
        <span class="switch-track" aria-hidden="true" />
      </button>
      {hint !== undefined && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

function End({ call }: { readonly call: CallModel }) {
  return (
    <Sure test="end" label={en.room.end} question={en.room.endSure} yes={en.room.endYes} onYes={() => call.moderation.decide({ t: 'endForAll' })} />
  );
}
