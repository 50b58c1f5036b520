import type { TemplatedApp } from 'uWebSockets.js';

type Publishing = Pick<TemplatedApp, 'publish'>;

/** Told of the WebSockets of one app. */
export interface AppSockets {
  opened(): void;
  closed(): void;
}

/** Publishes to the WebSockets of several uWebSockets.js apps: each certificate has one, whose topics are its own. */
export class Publishers {
  /** Those in which a WebSocket is open. */
  private apps: readonly Publishing[] = [];

  add(app: Publishing): AppSockets {
    let open = 0;
    return {
      opened: () => {
        if (open++ === 0) this.apps = [...this.apps, app];
      },
      closed: () => {
        if (--open === 0) this.apps = this.apps.filter((one) => one !== app);
      },
    };
  }

  publish(topic: string, frame: string | Buffer): void {
    for (const app of this.apps) app.publish(topic, frame);
  }
}
