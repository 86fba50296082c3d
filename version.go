package kernelet

import "runtime/debug"

// Version is the module's version as the go command recorded it in the running
// program: a release, a pseudo-version that has the commit and says whether it
// was changed, or "(devel)" where the go command knew none. It is "unknown" where
// nothing was recorded.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	const module = "github.com/kernelet/kernelet"
	if info.Main.Path == module && info.Main.Version != "" {
		return info.Main.Version
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return "unknown"
}
