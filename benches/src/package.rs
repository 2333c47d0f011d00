//! The size of a package: that of a zip archive of its files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// The sizes in bytes of a zip archive's headers for one file, without its name, and of the record
/// at the end (APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16).
const PER_FILE: u64 = 30 + 46;
const AT_THE_END: u64 = 22;

/// Returns the size in bytes of a zip archive of these files, with the usual compression.
pub(crate) fn zip_size(files: &[PathBuf]) -> Result<u64, String> {
    let mut size = AT_THE_END;
    for file in files {
        let failed = |error: std::io::Error| format!("{}: {error}", file.display());
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&fs::read(file).map_err(failed)?).map_err(failed)?;
        let name = file.file_name().map_or(0, std::ffi::OsStr::len);
        size += PER_FILE + 2 * name as u64 + encoder.finish().map_err(failed)?.len() as u64;
    }
    Ok(size)
}

/// Returns the files in folders of this name below `folder`, without Python's compiled files.
pub(crate) fn files_below(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files_below(&path, name));
        } else if path.iter().any(|part| part == name)
            && !path.iter().any(|part| part == "__pycache__")
        {
            found.push(path);
        }
    }
    found
}
