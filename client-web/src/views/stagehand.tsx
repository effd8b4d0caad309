// How views reach real media without knowing where it comes from: binding a picture slot, showing an own track.

import { createContext, type RefObject } from 'preact';
import { useContext, useEffect, useRef } from 'preact/hooks';
import type { PictureSlot } from '../state/call';

export interface Stagehand {
  bind(video: HTMLVideoElement, slot: PictureSlot, transport: string): () => void;
  ownScreen(): MediaStreamTrack | null;
  watchLevel(track: MediaStreamTrack, onLevel: (level: number) => void): () => void;
}

export const StagehandContext = createContext<Stagehand>({
  bind: () => () => undefined,
  ownScreen: () => null,
  watchLevel: () => () => undefined,
});

/** A video element bound to a slot for as long as it shows this member. */
export function useSlot(slot: PictureSlot | null, transport: string): RefObject<HTMLVideoElement | null> {
  const video = useRef<HTMLVideoElement>(null);
  const stagehand = useContext(StagehandContext);
  useEffect(() => {
    if (video.current === null || slot === null) return undefined;
    return stagehand.bind(video.current, slot, transport);
  }, [stagehand, slot, transport]);
  return video;
}

/** A video element that shows one of our own tracks. */
export function useTrack(track: MediaStreamTrack | null): RefObject<HTMLVideoElement | null> {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    element.srcObject = track === null ? null : new MediaStream([track]);
    if (track !== null) element.play().catch(() => undefined);
    return () => {
      element.srcObject = null;
    };
  }, [track]);
  return video;
}
