package quota

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestQuotas: both versions' files, with a quota, without one, and damaged.
func TestQuotas(t *testing.T) {
	for content, want := range map[string]float64{"150000 100000\n": 1.5, "max 100000\n": math.Inf(1), "50000 100000": .5, "": math.Inf(1), "0 0": math.Inf(1), "x 1": math.Inf(1)} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "cpu.max"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := quotaV2(folder); got != want {
			t.Errorf("cpu.max %q: expected %v, got %v", content, want, got)
		}
	}
	for limit, want := range map[string]float64{"50000\n": .5, "-1\n": math.Inf(1), "250000": 2.5} {
		folder := t.TempDir()
		for name, content := range map[string]string{"cpu.cfs_quota_us": limit, "cpu.cfs_period_us": "100000\n"} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := quotaV1(folder); got != want {
			t.Errorf("cpu.cfs_quota_us %q: expected %v, got %v", limit, want, got)
		}
	}
	if got := quotaV2(t.TempDir()); !math.IsInf(got, 1) {
		t.Errorf("no file: %v", got)
	}
}

// TestMount: the controller's mount of either version, among others.
func TestMount(t *testing.T) {
	mounts := "30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n" +
		"31 30 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"32 30 0:28 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw\n"
	if root, folder := cgroupMount(mounts, true); root != "/docker/abc" || folder != "/sys/fs/cgroup/cpu,cpuacct" {
		t.Errorf("version 1: %q, %q", root, folder)
	}
	if root, folder := cgroupMount(mounts, false); root != "/" || folder != "/sys/fs/cgroup/unified" {
		t.Errorf("version 2: %q, %q", root, folder)
	}
	if _, folder := cgroupMount("", false); folder != "" {
		t.Errorf("no mounts: %q", folder)
	}
}
