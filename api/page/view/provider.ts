import type { ComponentChildren, FunctionComponent } from 'preact';
import { ParlorProvider, type ParlorProviderProps } from 'parlor/react';

type Props = Omit<Extract<ParlorProviderProps, { readonly url: string }>, 'children'> & {
  readonly children: ComponentChildren;
};

/** What React and Preact call children differs in their types only. */
export const Provider = ParlorProvider as unknown as FunctionComponent<Props>;
