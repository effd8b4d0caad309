// What this browser lacks, found out before anything else happens: the link is still in the address bar then.

import { codecMask } from '../media/plan';
import type { CapabilityProblem } from '../state/app';

/**
 * The first thing that is missing, or `null`. Where neither calls nor encryption are there, somebody switched them off on
 * purpose (Lockdown Mode, the stricter levels of Tor Browser): that has words of its own.
 */
export function missingCapability(): CapabilityProblem | null {
  if (!globalThis.isSecureContext) return 'insecure';
  const computes = typeof WebAssembly === 'object';
  const calls = typeof RTCPeerConnection === 'function' && videoCodecs() !== 0;
  if (!computes && !calls) return 'lockedDown';
  if (!computes) return 'noWebAssembly';
  if (!calls) return 'noWebRtc';
  if (typeof RTCRtpScriptTransform !== 'function' || !('transform' in RTCRtpSender.prototype) || !('requestVideoFrameCallback' in HTMLVideoElement.prototype)) return 'noTransforms';
  if (typeof Worker !== 'function' || typeof MessageChannel !== 'function' || typeof WebSocket !== 'function') return 'noWorkers';
  return null;
}

/** Bit 0: VP8, bit 1: VP9. */
export function videoCodecs(): number {
  const sending = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const receiving = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  return codecMask(sending, receiving);
}
