//! Who runs a command that is kept with a name.

/// The account, behind sudo the one that called it.
pub(crate) fn name() -> String {
    std::env::var("SUDO_USER")
        .or_else(|_| std::env::var("USER"))
        .unwrap_or_else(|_| format!("uid {}", rustix::process::getuid()))
}
