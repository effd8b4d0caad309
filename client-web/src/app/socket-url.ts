// Where this page's server takes sockets: at the page's own address, whatever a link says.

export const socketUrl = (): string => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/socket`;
