//! Capabilities of Linux: what a program may do without being root (`capabilities(7)`).

/// Names by number (`linux/capability.h`).
const NAMES: &[&str] = &[
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// The number of a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(pub u8);

impl Capability {
    /// Reads `cap_net_raw`, `NET_RAW` or `CAP_NET_RAW`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix("cap_").unwrap_or(&lower);
        let at = NAMES.iter().position(|known| known.strip_prefix("cap_") == Some(name))?;
        u8::try_from(at).ok().map(Self)
    }

    /// Its name, such as `cap_net_raw`; numbers that are not known yet are told as numbers, as `getcap` does.
    #[must_use]
    pub fn name(self) -> String {
        NAMES.get(usize::from(self.0)).map_or_else(|| self.0.to_string(), |name| (*name).to_owned())
    }
}

super::text_setting!(
    Capability,
    expected: "a capability, such as `cap_net_bind_service`",
    parse: |text| Capability::parse(text)
        .ok_or_else(|| format!("`{text}` is no capability: write a name such as `cap_net_bind_service`")),
    pattern: "^[A-Za-z_]+$",
    about: "A capability by name, such as `cap_net_bind_service`."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn capabilities_go_by_their_names() {
        assert_eq!(NAMES.len(), 41);
        assert_eq!(read("cap_net_raw"), Ok(Capability(13)));
        assert_eq!(read("NET_BIND_SERVICE"), Ok(Capability(10)));
        assert_eq!(Capability(40).name(), "cap_checkpoint_restore");
        assert_eq!(Capability(60).name(), "60");
        assert!(read::<Capability>("all").is_err());
    }
}
