import { expect, test } from 'vitest';

import { peerOf } from '../../testing/peer';
import { offeredRegions } from './regions';

test('the Regions of this deployment come first, and those of peers say whose they are', () => {
  const peers = [
    peerOf({ name: 'oregon', regions: ['us-west-2', 'us-west-1'], servesAccount: true }),
    peerOf({ name: 'plant', regions: ['us-east-1', 'us-west-2'] }),
  ];
  expect(offeredRegions(['us-east-1', 'ap-northeast-1'], peers)).toEqual([
    { region: 'us-east-1', here: true, peers: ['plant'], own: true },
    { region: 'ap-northeast-1', here: true, peers: [], own: true },
    { region: 'us-west-1', here: false, peers: ['oregon'], own: true },
    { region: 'us-west-2', here: false, peers: ['oregon', 'plant'], own: true },
  ]);
  expect(offeredRegions(['us-east-1'], [peerOf({ regions: ['us-west-2'] })]).at(-1)).toMatchObject({ own: false });
});
