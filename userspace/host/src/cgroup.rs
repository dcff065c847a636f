//! What a cgroup path says about who runs in it: systemd unit, container, pod. Pure text, no file is read here.

use tierzero_core::event::CgroupPlace;

/// Reads one path below a cgroup root, such as `/system.slice/redis-server.service`.
pub(crate) fn place(path: &str) -> CgroupPlace {
    let mut place = CgroupPlace { path: path.to_owned(), unit: None, container: None, pod: None };
    for part in path.split('/').filter(|part| !part.is_empty()) {
        // A kubelet that is itself in a container joins slice and container in one part.
        let (outer, _) = part.split_once(':').unwrap_or((part, ""));
        let (id, uid) = (container(part), pod(outer));
        if id.is_none() && uid.is_none() && is_unit(part) {
            // The innermost wins: user@1000.service/app.slice/x.service is x.service.
            place.unit = Some(unescape(part));
        }
        place.container = id.map(str::to_owned).or(place.container);
        place.pod = uid.or(place.pod);
    }
    // A container has its own systemd units inside; the unit around it is the runtime's, which is not who runs.
    if place.container.is_some() {
        place.unit = None;
    }
    place
}

/// Reads /proc/PID/cgroup (cgroups(7)): one `id:controllers:path` a line. On a hybrid host the cgroup2 line often
/// says only `/` while a v1 hierarchy names the unit or container, so the most telling line is taken.
/// Also gives the cgroup2 path (line `0::`), if there is one.
pub(crate) fn of_process(text: &str) -> (Option<CgroupPlace>, Option<&str>) {
    let mut unified = None;
    let mut best: Option<(u8, CgroupPlace)> = None;
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(hierarchy), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if hierarchy == "0" && controllers.is_empty() {
            unified = Some(path);
        }
        let found = place(path);
        let names = u8::from(found.container.is_some()) * 4
            + u8::from(found.pod.is_some()) * 2
            + u8::from(found.unit.is_some());
        // Of lines that name equally much: cgroup2, then name=systemd, then any other that is not the root.
        let rank = match (names, hierarchy, controllers) {
            (_, "0", "") => 3,
            (_, _, "name=systemd") => 2,
            (0, _, _) => 0,
            (_, _, _) => 1,
        };
        let weight = names * 4 + rank;
        if best.as_ref().is_none_or(|(held, _)| weight > *held) {
            best = Some((weight, found));
        }
    }
    (best.map(|(_, place)| place), unified)
}

/// The id in a part of a path that stands for a container.
fn container(part: &str) -> Option<&str> {
    // Shapes: <id> (docker/kubelet, cgroupfs driver), <runtime>-<id>.scope (systemd driver), libpod-<id> (podman),
    // libpod-payload-<id>, crio-<id>, and <name>:cri-containerd:<id> (containerd's default for systemd paths).
    let bare = part.strip_suffix(".scope").unwrap_or(part);
    let id = bare.rsplit(['-', ':']).next()?;
    let runtime = bare.strip_suffix(id)?;
    // crun and podman put a monitor beside each container: its process is not in the container.
    let monitor = runtime.contains("conmon");
    (id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && !monitor)
        .then_some(id)
}

/// The uid in a part of a path that stands for a Kubernetes pod: `pod<uid>` (cgroupfs driver) or
/// `kubepods-burstable-pod<uid with underscores>.slice` (systemd driver).
fn pod(part: &str) -> Option<String> {
    let bare = part.strip_suffix(".slice").unwrap_or(part);
    let uid = match bare.strip_prefix("pod") {
        Some(uid) => uid,
        None => bare.contains("kubepods").then(|| bare.rsplit_once("-pod")).flatten()?.1,
    };
    let uid = uid.replace('_', "-");
    // A uid is a UUID; a static pod's is 32 hex digits of a hash (kubelet, `applyDefaults`).
    let hex = uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    (hex && matches!(uid.len(), 32 | 36)).then_some(uid)
}

/// True for a systemd service unit. Scopes and slices group processes, they don't name who runs; the per-user
/// manager is a frame around its own services.
fn is_unit(part: &str) -> bool {
    part.strip_suffix(".service").is_some_and(|name| !name.is_empty()) && !part.starts_with("user@")
}

/// Undoes systemd's escaping of a leading `_` in cgroup names (`cg_escape`, src/basic/cgroup-util.c).
fn unescape(part: &str) -> String {
    part.strip_prefix('_').unwrap_or(part).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f2a90bc11d2e47a3f2a90bc11d2e47a3f2a90bc11d2e47a3f2a90bc11d2e47a";
    const POD: &str = "0f6b2ac1-9d5e-4e8b-8a4c-1b2c3d4e5f60";

    #[track_caller]
    fn check(path: &str, unit: Option<&str>, container: Option<&str>, pod: Option<&str>) {
        let path = path.replace("ID", ID);
        let found = place(&path);
        assert_eq!(
            (found.unit.as_deref(), found.container.as_deref(), found.pod.as_deref(), found.path),
            (unit, container, pod, path)
        );
    }

    #[test]
    fn units() {
        check("/", None, None, None);
        check("/system.slice/redis-server.service", Some("redis-server.service"), None, None);
        check("/system.slice/system-getty.slice/getty@tty1.service", Some("getty@tty1.service"), None, None);
        check("/system.slice/postgresql@15-main.service/sub", Some("postgresql@15-main.service"), None, None);
        check("/system.slice/_cgroup.service", Some("cgroup.service"), None, None);
        let app = "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service";
        check(app, Some("x.service"), None, None);
        check("/user.slice/user-1000.slice/user@1000.service/init.scope", None, None, None);
        check("/user.slice/user-1000.slice/session-3.scope", None, None, None);
        check("/system.slice", None, None, None);
        check("/.service", None, None, None);
    }

    #[test]
    fn containers() {
        check("/docker/ID", None, Some(ID), None);
        check("/system.slice/docker-ID.scope", None, Some(ID), None);
        check("/system.slice/docker.service", Some("docker.service"), None, None);
        check("/docker/ID/system.slice/nginx.service", None, Some(ID), None);
        check("/machine.slice/libpod-ID.scope", None, Some(ID), None);
        check("/machine.slice/libpod-ID.scope/container", None, Some(ID), None);
        check("/machine.slice/libpod-payload-ID", None, Some(ID), None);
        check("/libpod_parent/libpod-ID", None, Some(ID), None);
        check("/machine.slice/libpod-conmon-ID.scope", None, None, None);
        let rootless = "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope";
        check(rootless, None, Some(ID), None);
        check("/system.slice/containerd.service/cri-containerd:ID", None, Some(ID), None);
        // Neither 63 digits nor upper case is a container id.
        check(&format!("/docker/{}", &ID[1..]), None, None, None);
        check(&format!("/docker/{}", ID.to_uppercase()), None, None, None);
    }

    #[test]
    fn pods() {
        check(&format!("/kubepods/burstable/pod{POD}/ID"), None, Some(ID), Some(POD));
        check(&format!("/kubepods/pod{POD}/ID"), None, Some(ID), Some(POD));
        check(&format!("/kubepods/besteffort/pod{POD}"), None, None, Some(POD));
        let slice = POD.replace('-', "_");
        let burstable = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod";
        check(&format!("{burstable}{slice}.slice/cri-containerd-ID.scope"), None, Some(ID), Some(POD));
        check(&format!("{burstable}{slice}.slice/crio-ID.scope"), None, Some(ID), Some(POD));
        check(&format!("{burstable}{slice}.slice/crio-conmon-ID.scope"), None, None, Some(POD));
        check(
            &format!("/kubepods.slice/kubepods-pod{slice}.slice/docker-ID.scope"),
            None,
            Some(ID),
            Some(POD),
        );
        check(
            &format!(
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{slice}.slice:cri-containerd:ID"
            ),
            None,
            Some(ID),
            Some(POD),
        );
        // A static pod's uid is 32 hex digits.
        check(
            "/kubepods/pod0123456789abcdef0123456789abcdef/ID",
            None,
            Some(ID),
            Some("0123456789abcdef0123456789abcdef"),
        );
        check("/podman.slice/x", None, None, None);
    }

    #[test]
    fn hybrid_hosts_take_the_most_telling_line() {
        let text = "9:name=systemd:/system.slice/redis-server.service\n8:pids:/system.slice\n0::/\n";
        let (place, unified) = of_process(text);
        assert_eq!(place.unwrap().unit.as_deref(), Some("redis-server.service"));
        assert_eq!(unified, Some("/"));

        let text = format!("4:memory:/docker/{ID}\n1:name=systemd:/\n0::/\n");
        assert_eq!(of_process(&text).0.unwrap().container.as_deref(), Some(ID));

        let (place, unified) = of_process("0::/system.slice/a b:c.service\n");
        assert_eq!(place.unwrap().unit.as_deref(), Some("a b:c.service"));
        assert_eq!(unified, Some("/system.slice/a b:c.service"));

        let (place, unified) = of_process("9:name=systemd:/\n0::/\n");
        assert_eq!((place.unwrap().path.as_str(), unified), ("/", Some("/")));
        assert_eq!(of_process("nonsense\n::\n"), (Some(CgroupPlace::default()), None));
        assert_eq!(of_process(""), (None, None));
    }
}
