/// <reference types="vite/client" />

/** Version of this app, from package.json; put in by the build. */
declare const __APP_VERSION__: string;

/** Hash of the kernels and of what launches them; put in by the build. */
declare const __KERNEL_CODE__: string;
