//! Whether the kernel of a platform starts an ELF file (System V ABI, `e_machine`).

use crate::model::{Elf, Platform};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) enum Fit {
    /// It does.
    Runs,
    /// Some kernels do; why it is not certain.
    Perhaps(String),
    /// It does not: what the file is for.
    Foreign(String),
    /// The platform is not known.
    Unknown,
}

/// Machine, bits, big-endian, Go's name of the architecture.
const MACHINES: [(u16, u8, bool, &str); 17] = [
    (62, 64, false, "amd64"),
    (183, 64, false, "arm64"),
    (40, 32, false, "arm"),
    (3, 32, false, "386"),
    (21, 64, false, "ppc64le"),
    (21, 64, true, "ppc64"),
    (22, 64, true, "s390x"),
    (243, 64, false, "riscv64"),
    (258, 64, false, "loong64"),
    (8, 64, false, "mips64le"),
    (8, 64, true, "mips64"),
    (8, 32, false, "mipsle"),
    (8, 32, true, "mips"),
    (43, 64, true, "sparc64"),
    (22, 32, true, "s390"),
    (20, 32, true, "ppc"),
    (62, 32, false, "x32"),
];

/// The architecture that a file is for.
pub(in crate::rules) fn architecture(elf: &Elf) -> String {
    let same = |(machine, bits, big, _): &&(u16, u8, bool, &str)| {
        (*machine, *bits, *big) == (elf.machine, elf.bits, elf.big_endian)
    };
    MACHINES.iter().find(same).map_or_else(
        || format!("ELF machine {} of {} bits", elf.machine, elf.bits),
        |(_, _, _, name)| (*name).to_owned(),
    )
}

/// Whether a file is for this platform. Programs of 32-bit x86 run on amd64, as all usual kernels are built for it; those of
/// 32-bit ARM run on some arm64 processors only.
pub(in crate::rules) fn fit(platform: &Platform, elf: &Elf) -> Fit {
    if !MACHINES.iter().any(|(_, _, _, name)| *name == platform.architecture) {
        return Fit::Unknown;
    }
    let of = architecture(elf);
    match (platform.architecture.as_str(), of.as_str()) {
        (wanted, found) if wanted == found => Fit::Runs,
        ("amd64", "386") => Fit::Runs,
        ("amd64", "x32") => Fit::Perhaps("it is for the x32 interface, which few kernels have".to_owned()),
        ("arm64", "arm") => Fit::Perhaps("it is for 32-bit ARM, which not every arm64 processor runs".to_owned()),
        _ => Fit::Foreign(of),
    }
}

/// The folder name that Debian uses for libraries of this machine.
pub(super) fn multiarch(elf: &Elf) -> &'static [&'static str] {
    match architecture(elf).as_str() {
        "amd64" => &["x86_64-linux-gnu"],
        "arm64" => &["aarch64-linux-gnu"],
        "arm" => &["arm-linux-gnueabihf", "arm-linux-gnueabi"],
        "386" => &["i386-linux-gnu"],
        "ppc64le" => &["powerpc64le-linux-gnu"],
        "s390x" => &["s390x-linux-gnu"],
        "riscv64" => &["riscv64-linux-gnu"],
        "loong64" => &["loongarch64-linux-gnu"],
        "mips64le" => &["mips64el-linux-gnuabi64"],
        _ => &[],
    }
}
