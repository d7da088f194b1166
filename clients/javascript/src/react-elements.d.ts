/** The widgets of `widgets.js` in JSX. `react.d.ts` refers to this file: who imports a hook has them. */

import type { DetailedHTMLProps, HTMLAttributes } from "react";

type Widget<Attributes> = DetailedHTMLProps<HTMLAttributes<HTMLElement>, HTMLElement> & Attributes;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "hub-bell": Widget<{ label?: string; href?: string }>;
      "hub-inbox": Widget<{ label?: string; tabs?: boolean; address?: string }>;
      "hub-chat": Widget<{ room: string }>;
      "hub-online": Widget<{ channel?: string; number?: boolean | "narrow"; live?: boolean }>;
      "hub-toasts": Widget<{ label?: string }>;
      "hub-preferences": Widget<{ label?: string }>;
      "hub-jobs": Widget<{ label?: string; all?: boolean }>;
    }
  }
}
