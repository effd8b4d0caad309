import { describe, expect, it } from 'vitest';
import type { Decision } from '../protocol/messages';
import { Invites, serialOf } from './invites';

describe('personal invites', () => {
  it('lists the newest first and marks what was taken back', () => {
    const decided: Decision[] = [];
    const invites = new Invites((decision) => decided.push(decision));
    invites.make(7);
    invites.add('i1z', 4, 20_000);
    invites.add('i2z', 5, 20_001);
    invites.revoke(4);
    expect(decided).toEqual([{ t: 'invite', days: 7 }, { t: 'revokeInvite', serial: 4 }]);
    expect(invites.made.value.map(({ serial, revoked }) => [serial, revoked])).toEqual([[5, false], [4, true]]);
  });

  it('has no invite left when the link was changed', () => {
    const invites = new Invites(() => undefined);
    invites.add('i1z', 4, 20_000);
    invites.linkChanged('gNEWz');
    expect(invites.link.value).toBe('gNEWz');
    expect(invites.made.value.map(({ revoked }) => revoked)).toEqual([true]);
  });

  it('shows a new credential until its owner says that it is kept', () => {
    const invites = new Invites(() => undefined);
    invites.credential.value = 'conclave-host1:x';
    invites.credentialKept();
    expect(invites.credential.value).toBeNull();
  });
});

describe('the number of an invite', () => {
  it('is what was noted, and nothing else', () => {
    expect(['388154710', ' 7 ', '4294967295', '4294967296', '-1', '1e3', 'seven', ''].map(serialOf)).toEqual([388154710, 7, 4294967295, null, null, null, null, null]);
  });
});
