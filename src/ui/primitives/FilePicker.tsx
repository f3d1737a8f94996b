import { useRef } from 'react';
import type { ModelFiles } from '../../state/page/engine.ts';
import { Button } from './Button.tsx';

type FilePickerProps = {
  /** Name of the file input, for assistive technology and for programs that drive the page. */
  readonly label: string;
  readonly text: string;
  readonly accept?: string;
  readonly folder?: boolean;
  readonly multiple?: boolean;
  readonly disabled?: boolean;
  readonly size?: 'normal' | 'small';
  readonly look?: 'plain' | 'quiet';
  readonly onFiles: (files: ModelFiles) => void;
};

/** A button that opens the file dialog; the input behind it can be filled by name. */
export function FilePicker({
  label,
  text,
  accept,
  folder = false,
  multiple = false,
  disabled,
  size,
  look,
  onFiles,
}: FilePickerProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button
        disabled={disabled}
        {...(size === undefined ? {} : { size })}
        {...(look === undefined ? {} : { look })}
        onClick={() => input.current?.click()}
      >
        {text}
      </Button>
      <input
        ref={input}
        type="file"
        className="visually-hidden"
        tabIndex={-1}
        aria-label={label}
        disabled={disabled}
        accept={accept}
        multiple={multiple || folder}
        {...(folder ? { webkitdirectory: '' } : {})}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          currentTarget.value = '';
          if (files.length > 0)
            onFiles(files.map((file) => ({ path: file.webkitRelativePath || file.name, file })));
        }}
      />
    </>
  );
}
