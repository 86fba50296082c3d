package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"github.com/kernelet/kernelet"
	"github.com/kernelet/kernelet/internal/quota"
	"github.com/kernelet/kernelet/kernels"
)

// Machine is where a report was measured. What could not be found out is
// empty or 0.
type Machine struct {
	CPU               string   `json:"cpu"`
	Family            int      `json:"family"` // with Model what tells CPUs apart whose name a hypervisor shortened
	Model             int      `json:"model"`
	Microarchitecture string   `json:"microarchitecture,omitempty"`
	Cores             int      `json:"cores"`        // physical, of all sockets
	Threads           int      `json:"threads"`      // logical processors
	Used              int      `json:"used_threads"` // GOMAXPROCS
	Sockets           int      `json:"sockets"`
	SMT               bool     `json:"smt"` // more logical processors than cores
	L1                int      `json:"l1_bytes"`
	L2                int      `json:"l2_bytes"`
	L3                int      `json:"l3_bytes"`  // of each
	L3Count           int      `json:"l3_caches"` // 1 where the system does not say
	Features          []string `json:"features"`  // those that bear on the measurements
	Sets              []string `json:"sets"`      // kernels that run here
	ISA               string   `json:"isa"`       // the set that the whole network was measured with
	Clock             float64  `json:"clock_ghz"`
	Governor          string   `json:"governor"`
	HugePages         string   `json:"huge_pages"`         // of the kernel's transparent huge pages: always, madvise or never
	Hypervisor        string   `json:"hypervisor"`         // empty: none was seen
	LoadAverage       float64  `json:"load_average"`       // before the run
	LoadAfter         float64  `json:"load_average_after"` // of the run's last minute, the run itself included
	OS                string   `json:"os"`
	Go                string   `json:"go"`
	Kernelet          string   `json:"kernelet"`
	Warnings          []string `json:"warnings"` // what spoils measurements
}

// Inspect finds out what can be found out without measuring; chosen is what
// the whole network will run on, nil for the fastest.
func Inspect(chosen *kernels.Set) Machine {
	if chosen == nil {
		chosen, _ = kernels.Select(kernels.Available()[len(kernels.Available())-1]) // which is there
	}
	cpu := cpuid.CPU
	m := Machine{
		CPU: strings.TrimSpace(cpu.BrandName), Family: cpu.Family, Model: cpu.Model, Microarchitecture: microarchitecture(cpu.VendorID, cpu.Family, cpu.Model), Cores: cpu.PhysicalCores, Threads: runtime.NumCPU(), Used: runtime.GOMAXPROCS(0), Sockets: 1,
		L1: max(0, cpu.Cache.L1D), L2: max(0, cpu.Cache.L2), L3: max(0, cpu.Cache.L3), L3Count: l3Caches(), Sets: kernels.Available(), ISA: chosen.Name(),
		Governor:    firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
		HugePages:   bracketed(firstLine("/sys/kernel/mm/transparent_hugepage/enabled")),
		LoadAverage: loadAverage(),
		OS:          runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Kernelet: kernelet.Version(),
	}
	if m.CPU == "" {
		m.CPU = runtime.GOARCH
	}
	m.Features = kernels.Features()
	if content, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.topology(string(content))
	}
	m.Cores = max(1, min(m.Cores, m.Threads))
	m.SMT = m.Threads > m.Cores
	if cpu.VM() || cpu.Supports(cpuid.HYPERVISOR) {
		if m.Hypervisor = cpu.HypervisorVendorString; m.Hypervisor == "" {
			m.Hypervisor = "unknown"
		}
	}
	m.warn()
	return m
}

// topology counts cores and sockets in the text of /proc/cpuinfo.
func (m *Machine) topology(cpuinfo string) {
	cores, sockets := map[string]bool{}, map[string]bool{}
	socket := ""
	for line := range strings.Lines(cpuinfo) {
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); strings.TrimSpace(name) {
		case "physical id":
			socket = value
			sockets[socket] = true
		case "core id":
			cores[socket+"/"+value] = true
		}
	}
	if len(cores) > 0 {
		m.Cores, m.Sockets = len(cores), len(sockets)
	}
}

// l3Caches counts the L3 caches: processors that share one name the same list.
func l3Caches() int {
	// The pattern is well formed, so there is no error.
	paths, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/cache/index3/shared_cpu_list")
	lists := map[string]bool{}
	for _, path := range paths {
		if list := firstLine(path); list != "" {
			lists[list] = true
		}
	}
	return max(1, len(lists))
}

// warn lists what spoils measurements.
func (m *Machine) warn() {
	add := func(format string, arguments ...any) {
		m.Warnings = append(m.Warnings, fmt.Sprintf(format, arguments...))
	}
	if m.LoadAverage > quietLoad {
		add("load average %.2f before the run: something else was running", m.LoadAverage)
	}
	if m.Hypervisor != "" {
		add("a virtual machine (%s): neighbours share its caches, memory and clock", m.Hypervisor)
	}
	if m.Governor != "" && m.Governor != "performance" {
		add("the clock's governor is %q, not performance", m.Governor)
	}
	if m.HugePages == "never" {
		add("no transparent huge pages: the trainer's memory costs more TLB misses")
	}
	if m.SMT {
		add("%d threads share %d cores: two on one core are not twice as fast", m.Threads, m.Cores)
	}
	if limit := quota.Processors(); limit < float64(m.Used) {
		add("the control group may use %.2f of the %d processors (a CPU quota): it stops all threads in every period, and no row of several threads is the machine's", limit, m.Used)
	}
	if m.Used < m.Threads {
		add("%d of %d threads are used (GOMAXPROCS)", m.Used, m.Threads)
	}
	if best := m.Sets[len(m.Sets)-1]; m.ISA != best {
		add("the whole network runs on %s as asked, not on %s", m.ISA, best)
	}
	if len(m.Sets) == 1 {
		add("no generated kernels for this CPU: plain Go is measured")
	}
}

// quietLoad is the load average up to which a machine counts as idle.
const quietLoad = 0.5

// after adds what is known when all has been measured. A run is itself a load
// of as many threads as it uses.
func (m *Machine) after(load float64) {
	m.LoadAfter = load
	if load > float64(m.Used)+quietLoad {
		m.Warnings = append(m.Warnings, fmt.Sprintf("load average %.2f after the run, which uses %d threads: something else was running", load, m.Used))
	}
}

func firstLine(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSpace(line)
}

// bracketed returns the choice that the kernel puts in brackets.
func bracketed(choices string) string {
	_, rest, _ := strings.Cut(choices, "[")
	chosen, _, _ := strings.Cut(rest, "]")
	return chosen
}

// loadAverage is the last minute's, or 0 where the system does not say.
func loadAverage() float64 {
	first, _, _ := strings.Cut(firstLine("/proc/loadavg"), " ")
	v, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return v
}
