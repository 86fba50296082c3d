package bench

import "github.com/klauspost/cpuid/v2"

// models are CPUs of a vendor and family with models from first to last.
type models struct {
	vendor      cpuid.Vendor
	family      int
	first, last int
	name        string
}

// microarchitectures are the CPUs with AVX2 whose names are known: by vendors'
// manuals, which Linux collects in arch/x86/include/asm/intel-family.h and
// arch/x86/kernel/cpu/amd.c. Of hybrid CPUs it is the performance core's.
var microarchitectures = []models{
	{cpuid.AMD, 0x17, 0x00, 0x2f, "Zen"},
	{cpuid.AMD, 0x17, 0x30, 0xaf, "Zen 2"},
	{cpuid.AMD, 0x19, 0x00, 0x0f, "Zen 3"},
	{cpuid.AMD, 0x19, 0x10, 0x1f, "Zen 4"},
	{cpuid.AMD, 0x19, 0x20, 0x5f, "Zen 3"},
	{cpuid.AMD, 0x19, 0x60, 0xaf, "Zen 4"},
	{cpuid.AMD, 0x1a, 0x00, 0x4f, "Zen 5"},
	{cpuid.AMD, 0x1a, 0x60, 0x7f, "Zen 5"},
	{cpuid.Intel, 6, 0x3c, 0x3c, "Haswell"},
	{cpuid.Intel, 6, 0x3f, 0x3f, "Haswell"},
	{cpuid.Intel, 6, 0x45, 0x46, "Haswell"},
	{cpuid.Intel, 6, 0x3d, 0x3d, "Broadwell"},
	{cpuid.Intel, 6, 0x47, 0x47, "Broadwell"},
	{cpuid.Intel, 6, 0x4f, 0x4f, "Broadwell"},
	{cpuid.Intel, 6, 0x56, 0x56, "Broadwell"},
	{cpuid.Intel, 6, 0x4e, 0x4e, "Skylake"},
	{cpuid.Intel, 6, 0x55, 0x55, "Skylake"}, // and Cascade Lake and Cooper Lake, by stepping
	{cpuid.Intel, 6, 0x5e, 0x5e, "Skylake"},
	{cpuid.Intel, 6, 0x8e, 0x8e, "Skylake"}, // Kaby Lake and its successors
	{cpuid.Intel, 6, 0x9e, 0x9e, "Skylake"},
	{cpuid.Intel, 6, 0xa5, 0xa6, "Skylake"}, // Comet Lake
	{cpuid.Intel, 6, 0x6a, 0x6a, "Sunny Cove"},
	{cpuid.Intel, 6, 0x6c, 0x6c, "Sunny Cove"},
	{cpuid.Intel, 6, 0x7d, 0x7e, "Sunny Cove"},
	{cpuid.Intel, 6, 0xa7, 0xa7, "Cypress Cove"},
	{cpuid.Intel, 6, 0x8c, 0x8d, "Willow Cove"},
	{cpuid.Intel, 6, 0x8f, 0x8f, "Golden Cove"}, // Sapphire Rapids
	{cpuid.Intel, 6, 0x97, 0x97, "Golden Cove"}, // Alder Lake
	{cpuid.Intel, 6, 0x9a, 0x9a, "Golden Cove"},
	{cpuid.Intel, 6, 0xb7, 0xb7, "Raptor Cove"},
	{cpuid.Intel, 6, 0xba, 0xba, "Raptor Cove"},
	{cpuid.Intel, 6, 0xbf, 0xbf, "Raptor Cove"},
	{cpuid.Intel, 6, 0xcf, 0xcf, "Raptor Cove"}, // Emerald Rapids
	{cpuid.Intel, 6, 0xaa, 0xaa, "Redwood Cove"},
	{cpuid.Intel, 6, 0xac, 0xae, "Redwood Cove"}, // Meteor Lake, Granite Rapids
	{cpuid.Intel, 6, 0xbd, 0xbd, "Lion Cove"},
	{cpuid.Intel, 6, 0xc5, 0xc6, "Lion Cove"}, // Arrow Lake
}

// microarchitecture names the CPU's cores, or is empty where they are not known.
func microarchitecture(vendor cpuid.Vendor, family, model int) string {
	for _, m := range microarchitectures {
		if m.vendor == vendor && m.family == family && m.first <= model && model <= m.last {
			return m.name
		}
	}
	return ""
}
