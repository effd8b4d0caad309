// What every screen is given.

import type { ClientApp } from '../app/start';
import type { CallModel } from '../state/call';

export interface ViewProps {
  readonly app: ClientApp;
}
export interface CallProps extends ViewProps {
  readonly call: CallModel;
}
