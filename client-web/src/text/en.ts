// Every word on the screen, in English. Tables over error codes are complete because the type checker says so.
//
// Style: plain, calm, no exclamation marks, no "secure". Each trouble says what happened and what to do next.

import type { NoticeCode } from '../protocol/messages';
import type { ErrorCode } from '../state/app';
import type { Toast } from '../state/call';
import type { DeviceProblem, Kind } from '../state/devices';

export interface Trouble {
  readonly title: string;
  readonly what: string;
  readonly next: string;
}

const troubles: Readonly<Record<ErrorCode, Trouble>> = {
  notALink: {
    title: 'That is not a meeting link',
    what: 'A Conclave link has a # followed by a long row of letters and digits, and ends in z.',
    next: 'Copy the whole link again from the invitation and paste it here.',
  },
  cut: {
    title: 'Part of the link is missing',
    what: 'The end of the link was lost, which happens when a message breaks it over two lines.',
    next: 'Copy the whole link, up to and including the z at its end, or ask for it again.',
  },
  damaged: {
    title: 'The link is damaged',
    what: 'Some of its letters were changed on the way.',
    next: 'Ask whoever invited you to send the link again, if possible as a copy and not typed by hand.',
  },
  newer: {
    title: 'The link is newer than this server',
    what: 'It was made by a newer Conclave and says something that this version does not know.',
    next: 'Ask whoever runs this server to update it.',
  },
  notYetSupported: {
    title: 'This kind of link does not work here yet',
    what: 'Personal invitations and tickets are not part of this version.',
    next: 'Ask the host for the guest link of the room.',
  },
  credential: {
    title: 'That is the owner’s key, not a link',
    what: 'What was pasted gives control over the room. Keep it offline and do not send it to anybody.',
    next: 'Paste the guest link of the room instead.',
  },
  otherServer: {
    title: 'This link belongs to another server',
    what: 'The room is not on this server, and your browser has told nobody about it.',
    next: 'Open the link at its own address:',
  },

  left: { title: 'You left the call', what: 'Camera and microphone are off.', next: 'You can join again as long as this page stays open.' },
  removed: { title: 'You were removed from the call', what: 'The others took you out of the group. You can no longer hear them, nor they you.', next: 'If you think this was a mistake, ask the person who invited you.' },
  refused: { title: 'You were not let in', what: 'Whoever hosts this call declined your request.', next: 'If you think this was a mistake, ask the person who invited you.' },
  endedByHost: { title: 'The call has ended', what: 'The host ended it for everybody.', next: 'You can close this page.' },
  foreignRoom: { title: 'This is not the room that the link names', what: 'What the server keeps for this room was not signed by its owner. Somebody may have put another room in its place.', next: 'Do not use this room. Tell whoever invited you.' },
  notAllowed: {
    title: 'This link does not open a room here',
    what: 'Either there is no such room any more, or the link has been replaced. The server gives the same answer for both.',
    next: 'Ask whoever invited you for the current link.',
  },
  roomFull: { title: 'The room is full', what: 'As many people are in the call as it can hold.', next: 'Try again when somebody has left.' },
  serverFull: { title: 'The server is full', what: 'It carries as many calls as it can at the moment.', next: 'Try again in a few minutes.' },
  callLimit: { title: 'The room is busy', what: 'Too many calls were begun in this room at once.', next: 'Try again in a minute.' },
  serverAway: { title: 'The server does not answer', what: 'It may be switched off, or your network may block the way to it.', next: 'Check your connection, try another network, and then try again.' },
  closing: { title: 'The call has ended', what: 'The server is shutting down, or the room was closed.', next: 'Try again in a minute, or ask whoever invited you.' },
  incompatible: { title: 'This page and the server do not understand each other', what: 'The server was probably updated while this page was open.', next: 'Load the page again. If it stays so, tell whoever runs the server.' },
  internal: { title: 'Something went wrong in this page', what: 'The call was ended rather than continued in a doubtful state.', next: 'Load the page and open the link again. If it happens again, please report it.' },
  insecure: { title: 'This address is not encrypted', what: 'Browsers give a page camera, microphone and encryption only over https.', next: 'Open the link again with https:// at its beginning, or ask whoever runs the server.' },
  lockedDown: {
    title: 'Calls and encryption are switched off in this browser',
    what: 'It has neither WebRTC nor WebAssembly. The Lockdown Mode of iPhones and Macs and the stricter levels of Tor Browser take both away, to leave attackers less to try.',
    next: 'Open the link on another device or in another browser. In Lockdown Mode you can also except this one address, in Safari’s settings for the website.',
  },
  noWebRtc: {
    title: 'This browser cannot make calls',
    what: 'It lacks WebRTC. Tor Browser has none, and some browsers inside other apps switch it off.',
    next: 'Open the link in Firefox, Chrome, Edge or Safari.',
  },
  noWebAssembly: {
    title: 'This browser cannot encrypt the call',
    what: 'It lacks WebAssembly, in which the encryption runs. Lockdown Mode and strict security settings switch it off.',
    next: 'Open the link in another browser, or allow WebAssembly for this address.',
  },
  noTransforms: {
    title: 'This browser is too old to encrypt pictures and sound',
    what: 'It cannot pass them through this page’s encryption, and Conclave has no unencrypted mode.',
    next: 'Update the browser, or open the link in a current Firefox, Chrome, Edge or Safari.',
  },
  noWorkers: { title: 'This browser is too old', what: 'It lacks background workers or web sockets.', next: 'Update the browser, or open the link in a current one.' },
  plaintext: {
    title: 'This call was ended because unencrypted media may have left your browser',
    what: 'Your browser reported sending more than was encrypted. Whoever runs the server, or the network, may have seen or heard you for a few seconds.',
    next: 'Do not use this browser for confidential calls until it is understood. Please report its name and version to whoever runs the server.',
  },
  coreFailed: { title: 'The encryption could not start', what: 'Part of the program did not load, or stopped working.', next: 'Load the page and open the link again. If it happens again, try another browser.' },
  mediaFailed: { title: 'Pictures and sound stopped working', what: 'The part of this page that encrypts them broke, so the call was ended.', next: 'Load the page and open the link again. If it happens again, try another browser.' },
};

const devices: Readonly<Record<Kind, Readonly<Record<DeviceProblem, string>>>> = {
  camera: {
    denied: 'The browser may not use your camera. You can join without it, or allow it with the symbol beside the address.',
    missing: 'No camera was found. You can join without one.',
    busy: 'The camera is in use by another program, or did not start. You can join without it.',
    unsupported: 'This browser does not let pages use a camera. You can join without it.',
    unplugged: 'The camera was unplugged or taken away.',
  },
  microphone: {
    denied: 'The browser may not use your microphone. You can join and listen, or allow it with the symbol beside the address.',
    missing: 'No microphone was found. You can join and listen.',
    busy: 'The microphone is in use by another program, or did not start. You can join and listen.',
    unsupported: 'This browser does not let pages use a microphone. You can join and listen.',
    unplugged: 'The microphone was unplugged or taken away.',
  },
};

const notices: Readonly<Record<NoticeCode, string>> = {
  floorFull: 'Eight microphones are open already. You can speak when one of them is closed.',
  mediaRefused: 'The server could not use this browser’s pictures and sound. Chat still works.',
  changeUnreadable: 'A change of the group could not be read. If others disappear, leave and join again.',
  placeBack: 'You have your place back. What was written meanwhile is missing.',
  placeLost: 'Your place could not be taken back, so you joined as somebody new.',
  chatRefused: 'The message was not sent: it is too long.',
};

const toasts: Readonly<Record<Exclude<Toast['kind'], NoticeCode>, (name: string) => string>> = {
  arrived: (name) => `${name} joined`,
  returned: (name) => `${name} is back`,
  left: (name) => `${name} left`,
  removed: (name) => `${name} was removed from the call`,
  lostConnection: (name) => `${name} lost the connection`,
  cameraLost: () => 'The camera was unplugged or taken away',
  microphoneLost: () => 'The microphone was unplugged or taken away',
  screenFailed: () => 'No screen was shared',
};

export const en = {
  product: 'Conclave',
  nameless: 'Someone',
  loading: 'Reading the link…',
  tagline: 'Meetings that the server cannot listen to',

  welcome: {
    title: 'Open a meeting',
    what: 'Pictures, sound, names and chat are encrypted in your browser, for the people in the call. The server that carries them cannot hear, see or read them.',
    field: 'Meeting link',
    hint: 'The link you paste stays in this page: it is not sent anywhere and does not enter your browser’s history.',
    open: 'Continue',
    back: 'You were in a call in this tab, and your place is kept for two minutes. Paste the meeting link here to take it back.',
    expired: 'You were in a call in this tab. Your place was kept for two minutes, and they are over. Paste the link to join again.',
    notKept: 'This tab was loaded again. If you were in a call here, you are no longer: your place was not kept, because the box for it was not ticked. Paste the link to join again.',
    noLink: 'You need a link from the person who invites you. There are no accounts here.',
  },
  join: {
    title: 'Ready to join?',
    what: 'Everything you say and show is encrypted in this browser for the people in the call. The server cannot listen.',
    operatorKeys: 'The keys of this room were made on its server. Whoever runs it could have kept them.',
    name: 'Your name',
    nameHint: 'Shown to the others in the call, and to nobody else.',
    nameLong: 'This name is too long.',
    keepPlace: 'Keep my place in this tab',
    keepPlaceHint: 'If the tab is loaded again, open the link within two minutes and you are the same person for the others. For that, this browser stores keys of your place until you leave.',
    keepPlaceMore:
      'If you tick “Keep my place in this tab”, keys of your place may be written to disk, and traces of them may stay there for a while after you left. They hold neither your name nor the link. To go, press Leave: a closed tab then looks like a lost connection to the others. Unticked, nothing is stored.',
    backTitle: 'You were in this call',
    back: 'This tab was loaded again, and your place in the call is still kept. Your name was not: please give it again.',
    takeBack: 'Take your place back',
    asNew: 'Join as somebody new',
    expired: 'Your place was kept for two minutes, and they are over. You join as somebody new.',
    notKept: 'This tab was loaded again. If you were in a call here, your place was not kept, because the box for it was not ticked. You join as somebody new.',
    join: 'Join',
    joinWithout: 'Join without camera and microphone',
    camera: 'Camera',
    microphone: 'Microphone',
    speaker: 'Speaker',
    cameraOff: 'Camera is off',
    opening: 'Waiting for the browser to allow camera and microphone…',
    level: 'Microphone level',
    preview: 'Your own picture',
    historyTitle: 'What your browser keeps of this link',
    history: 'This link stays in your browser’s history, as every address you open does. When you join it is taken out of the address bar. To leave no trace, paste it into the start page of this server, or use a private window.',
    copy: 'Copy link',
    copied: 'Copied',
    copyFailed: 'Copying was refused.',
    inAddress: 'The link still stands in the address bar.',
    elsewhere: 'The browsers inside other apps often keep camera and microphone from pages. Open the link in Firefox, Chrome, Edge or Safari to be seen and heard.',
    unnamedDevice: (kind: string, n: number) => `${kind} ${n}`,
  },
  waiting: {
    slow: 'The server has not answered yet. Still trying.',
    connecting: 'Connecting to the server…',
    admitting: 'Showing the link to the server…',
    knocking: 'Asking to be let in…',
    waiting: 'Waiting to be let in…',
    inCall: 'Joining…',
    reconnecting: 'Connecting to the server again…',
    cancel: 'Cancel',
  },
  call: {
    microphoneOn: 'Mute',
    microphoneOff: 'Unmute',
    cameraOn: 'Stop camera',
    cameraOff: 'Start camera',
    share: 'Share screen',
    stopShare: 'Stop sharing',
    chat: 'Chat',
    people: 'People',
    safety: 'Safety number',
    settings: 'Devices',
    leave: 'Leave',
    controls: 'Call controls',
    close: 'Close',
    you: 'you',
    twin: 'same name',
    twinWhy: 'More than one person here has this name. Ask aloud who is who.',
    muted: 'Microphone off',
    speaking: 'Speaking',
    cameraIsOff: 'Camera off',
    lost: 'Lost connection',
    away: 'In another tab',
    hand: 'Hand raised',
    loadingPicture: 'Picture is coming',
    sharedBy: (name: string) => `${name} is sharing a screen`,
    sharedByYou: 'You are sharing your screen',
    alone: 'Nobody else is here yet.',
    aloneHint: 'Send the link to the people you want to meet.',
    reconnecting: 'The connection is lost. Connecting again…',
    soundBlocked: 'The browser is holding the sound back until you tap.',
    playSound: 'Tap to hear',
    unread: (n: number) => (n === 1 ? '1 new message' : `${n} new messages`),
    encrypted: 'End-to-end encrypted',
    stage: 'Pictures',
    grid: 'People in the call',
  },
  chat: {
    title: 'Chat',
    empty: 'Nothing written yet. Messages are encrypted like everything else, and gone when the call ends.',
    field: 'Write a message',
    send: 'Send',
    me: 'You',
    offline: 'Not connected: you can write, and send when the connection is back.',
  },
  people: {
    title: 'People',
    count: (n: number) => (n === 1 ? '1 person' : `${n} people`),
    why: 'This list is the list of those who hold the keys of this call. The server cannot add anybody unseen.',
    copyLink: 'Copy the meeting link',
  },
  safety: {
    title: 'Safety number',
    working: 'Being computed…',
    how: 'Read the number aloud, or compare it over another channel. If everybody sees the same twenty digits, nobody stands in between.',
    changes: 'It changes whenever somebody comes or goes.',
    at: (time: string) => `As of ${time}`,
  },
  ended: { again: 'Join again', start: 'To the start page' },
  error: { again: 'Try again', copy: 'Copy link' },

  troubles,
  devices,
  notices,
  toasts,
} as const;
