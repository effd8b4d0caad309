// The page's entry: starts the machinery and draws the screens.

import '@preact/signals'; // Makes components follow the signals they read.
import { render } from 'preact';
import { start } from './app/start';
import { watchLevel } from './media/level';
import './styles/index.css';
import { Root } from './views/Root';
import { StagehandContext, type Stagehand } from './views/stagehand';

const { app, running } = start();

const stagehand: Stagehand = {
  bind: (video, slot, transport) => running()?.pictures.bind(video, slot, transport) ?? (() => undefined),
  ownScreen: () => running()?.ownScreen() ?? null,
  watchLevel,
};

const root = document.getElementById('root');
if (root !== null) {
  render(
    <StagehandContext.Provider value={stagehand}>
      <Root app={app} />
    </StagehandContext.Provider>,
    root,
  );
}
