// Every screen with made-up people, for looking at. Served by `npm run dev` as /src/dev/?screen=…; never built.
//
// Parameters: `screen` (see `SCREENS`), `n` people, `dir`, `panel`.

import '@preact/signals';
import { render } from 'preact';
import type { Door, RoleName, RosterEntry } from '../protocol/messages';
import { App, type AppPort, type ErrorCode } from '../state/app';
import { CallModel, type CallPort, type Panel } from '../state/call';
import { Devices, type DevicePort, type Kind, type Opened } from '../state/devices';
import '../styles/index.css';
import { Organise } from '../state/organise';
import { Place, type PlacePort } from '../state/place';
import { en } from '../text/en';
import { Root } from '../views/Root';
import { StagehandContext, type Stagehand } from '../views/stagehand';

const query = new URLSearchParams(location.search);
const NAMES = ['Anna Berg', 'Joaquín', '王小明', 'فاطمة الزهراء', 'Anna Berg', 'A person with a truly very long name', 'Zoë', 'Olu Adeyemi', 'Mei', 'Ravi', 'Ines', 'Tom'];

function paintedTrack(hue: number, wide = false): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 360;
  const context = canvas.getContext('2d');
  const paint = (): void => {
    if (context === null) return;
    const light = context.createLinearGradient(0, 0, 640, 360);
    light.addColorStop(0, `hsl(${hue} 25% 72%)`);
    light.addColorStop(1, `hsl(${hue + 40} 30% 38%)`);
    context.fillStyle = light;
    context.fillRect(0, 0, 640, 360);
    context.fillStyle = wide ? 'white' : `hsl(${hue + 180} 20% 25%)`;
    if (wide) context.fillRect(40, 30, 560, 300);
    else {
      context.beginPath();
      context.arc(320, 150, 70, 0, 7);
      context.ellipse(320, 380, 150, 140, 0, 0, 7);
      context.fill();
    }
  };
  paint();
  setInterval(paint, 200);
  const track = canvas.captureStream(5).getVideoTracks()[0];
  if (track === undefined) throw new Error('no canvas track');
  return track;
}

const devices: DevicePort<MediaStreamTrack> = {
  async open(wanted): Promise<Partial<Record<Kind, Opened<MediaStreamTrack>>>> {
    if (query.has('denied')) return { camera: { ok: false, problem: 'denied' }, microphone: { ok: false, problem: 'missing' } };
    const all: Partial<Record<Kind, Opened<MediaStreamTrack>>> = {};
    if (wanted.camera !== undefined) all.camera = { ok: true, track: paintedTrack(160), deviceId: 'c1' };
    if (wanted.microphone !== undefined) all.microphone = { ok: true, track: new MediaStreamTrackGenerator({ kind: 'audio' }), deviceId: 'm1' };
    return all;
  },
  list: async () => ({
    cameras: [{ id: 'c1', label: 'Integrated camera (04f2:b6d0)' }, { id: 'c2', label: '' }],
    microphones: [{ id: 'm1', label: 'Built-in microphone' }],
    speakers: [{ id: 's1', label: 'Loudspeakers' }, { id: 's2', label: 'Headset' }],
  }),
  watch: () => undefined,
};
declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(init: { kind: string });
}

const nothing = (): void => undefined;
const own = (query.get('role') ?? 'host') as RoleName;
const callPort: CallPort = { chat: nothing, decide: nothing, compareNow: nothing, showSafetyNumber: nothing, shareScreen: nothing, stopScreen: nothing, unblockSound: nothing, leave: nothing };
const call = new CallModel(callPort, { nameless: en.nameless }, () => '20:15', true);
const port: AppPort = {
  host: 'meet.example',
  missing: null,
  parseLink: async () => ({ ok: true, servers: ['meet.example'], operatorKeys: query.has('operator'), personal: false }),
  readOwner: async () => ({ ok: true, moderator: false, link: '#g', servers: ['meet.example'], operatorKeys: false, personal: false }),
  prepare: nothing,
  start: () => call,
  clearAddress: nothing,
  copy: async () => true,
  save: nothing,
  rooms: {
    today: () => 20_779,
    open: async () => ({ ok: true, room: { guestLink: `g${'AbCdEf0'.repeat(18)}z`, credential: `conclave-host1:${'AbCdEf0'.repeat(60)}`, deed: `conclave-deed1:${'AbCdEf0'.repeat(7)}`, moderators: [], lastDay: 20_869 } }),
    keep: async () => ({
      ok: true,
      room: { title: 'Reading group', begin: 'host', lobby: true, guests: null, strict: false, lastDay: 20_869, lastDayInForce: query.has('less') ? 20_800 : 20_869, latestDay: 24_429, members: 250, membersInForce: query.has('less') ? 20 : 250, guestLink: 'gz', byDeed: query.has('deed'), credential: null },
    }),
    copy: async () => true,
    save: nothing,
  },
};
const place: PlacePort = {
  read: () => (query.get('place') === 'offered' ? { bytes: new Uint8Array(8), until: 60_000 } : query.get('place') === 'expired' ? { bytes: new Uint8Array(8), until: -1 } : null),
  write: nothing,
  remove: nothing,
  now: () => 0,
  after: () => nothing,
  reloaded: query.get('place') === 'notKept',
};
const app = new App(port, new Devices(devices), new Place(place));
const stagehand: Stagehand = {
  bind(video, slot) {
    video.srcObject = new MediaStream([paintedTrack(slot === 'screen' ? 210 : slot * 47, slot === 'screen')]);
    void video.play();
    return nothing;
  },
  ownScreen: () => paintedTrack(210, true),
  watchLevel(_track, onLevel) {
    onLevel(0.6);
    return nothing;
  },
};

function roster(n: number): RosterEntry[] {
  return Array.from({ length: n }, (_, i): RosterEntry => ({
    id: `m${i * 7}`, transport: `t${i}`, name: NAMES[i % NAMES.length] ?? '', role: i === n - 1 ? own : i === 1 ? 'moderator' : 'guest', muted: i === 2 ? 1 : 0, invite: null, self: i === n - 1, camera: i % 3 !== 1, microphone: i % 4 !== 2,
    screen: i === 0 && query.has('share'), hand: i === 2, hidden: i === 3, lost: i === 5, slot: i < 8 && i !== n - 1 ? i : null, screenSlot: i === 0 && query.has('share'),
  }));
}

async function showCall(): Promise<void> {
  await app.open('#g');
  app.name.value = 'Anna Berg';
  app.join();
  const members = roster(Number(query.get('n') ?? '5'));
  call.handle({ e: 'phase', phase: 'inCall' });
  call.handle({ e: 'roster', members });
  const guests = query.has('strict') ? 0 : 19;
  call.handle({ e: 'rules', rules: { role: own, hostPresent: own === 'host', lobby: true, locked: query.has('locked'), guests, muted: own === 'guest' ? 31 & ~guests : 0, invitedEnter: true } });
  if (query.has('invites')) for (const serial of [4, 5]) call.handle({ e: 'invite', fragment: 'i…z', serial, notAfterDay: 20_800 });
  call.invites.revoke(4);
  if (query.has('credential')) call.handle({ e: 'credential', text: 'conclave-host1:…' });
  const asking = ['Ines', 'Anna Berg', 'محمد'].slice(0, Number(query.get('asking') ?? '0'));
  call.handle({ e: 'lobby', asking: asking.map((name, i) => ({ id: `k${i}`, name, code: `4821${i} 90557 11862 73940`, invite: i === 1 ? 7 : null })) });
  for (const member of members) if (member.slot !== null) call.setShown(member.slot, member.transport);
  call.setShown('screen', 't0');
  call.loud.value = new Set(['audio0']);
  let line = 0;
  for (const [name, text, mine] of [['Joaquín', 'Can everybody see the agenda?', false], ['Joaquín', 'Point 2 first, please.', false], ['Anna Berg', 'Yes. https://example.org/agenda', true], ['فاطمة الزهراء', 'مرحبا بالجميع، أنا هنا', false]] as const) {
    line += 1;
    call.handle({ e: 'chat', name, text, mine, line });
  }
  if (query.has('unsure')) call.handle({ e: 'unsure', line: 3 });
  app.follow(call);
  const panel = query.get('panel');
  if (panel !== null) call.show(panel as Panel);
  if (panel === 'safety') call.handle({ e: 'safetyNumber', digits: '48213 90557 11862 73940' });
  if (query.has('toast')) {
    call.handle({ e: 'arrived', name: 'Zoë' });
    call.handle({ e: 'departed', name: 'Olu Adeyemi', how: 'lostConnection' });
    call.handle({ e: 'notice', code: 'floorFull' });
  }
  const suspects = (ids: string | null) => (ids ?? '').split('').map((id) => ({ id: `m${Number(id) * 7}`, name: members[Number(id)]?.name ?? '' }));
  if (query.has('alarm')) {
    const serverOffersLess = { members: { offered: 10, signed: 250 }, seats: { offered: 4, signed: 8 }, calls: null };
    const alarms = { digestsDiffer: suspects(query.get('differ')), withheld: suspects(query.get('withheld')), removalStuck: suspects(query.get('stuck')), silent: suspects(query.get('silent')), stopped: query.has('stopped'), serverOffersLess };
    call.handle({ e: 'alarms', alarms });
  }
  if (query.has('compare')) call.handle({ e: 'compare', digits: '48213 90557 11862 73940', by: 'Joaqu\u00edn', mine: false });
  if (query.has('lost')) call.handle({ e: 'phase', phase: 'reconnecting' });
  if (query.has('blocked')) call.soundBlocked.value = true;
}

async function show(): Promise<void> {
  document.documentElement.dir = query.get('dir') ?? 'ltr';
  const screen = query.get('screen') ?? 'welcome';
  switch (screen) {
    case 'welcome':
      return app.open('');
    case 'join':
      await app.open('#g');
      if (query.has('name')) app.name.value = 'Anna Berg';
      return;
    case 'waiting':
      await app.open('#g');
      app.name.value = 'Anna';
      app.join();
      if (query.has('door')) {
        call.handle({ e: 'phase', phase: 'waiting' });
        call.handle({ e: 'waitingCode', digits: '48213 90557 11862 73940' });
        call.handle({ e: 'door', door: query.get('door') as Door });
      }
      return;
    case 'organise':
    case 'made':
      app.organise.value = new Organise(port.rooms, '#t');
      app.screen.value = { at: 'organise' };
      if (screen === 'made') await app.makeRoom();
      return;
    case 'keep':
      await app.openPasted('conclave-host1:x');
      return app.keepRoom();
    case 'call':
      return showCall();
    case 'ended':
      await app.open('#g');
      app.screen.value = { at: 'ended', reason: 'left' };
      return;
    default:
      await app.open('#g');
      app.screen.value = { at: 'error', code: screen as ErrorCode, ...(screen === 'otherServer' ? { servers: ['elsewhere.example', 'second.example:8443'] } : {}) };
  }
}

const root = document.getElementById('root');
if (root !== null) {
  render(
    <StagehandContext.Provider value={stagehand}>
      <Root app={app} />
    </StagehandContext.Provider>,
    root,
  );
}
await show();
document.documentElement.dataset['ready'] = 'yes';
