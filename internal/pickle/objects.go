package pickle

import (
	"errors"
	"fmt"
)

func (m *machine) operateContainer(code byte) error {
	switch code {
	case ')': // EMPTY_TUPLE
		m.push(Tuple{})
	case ']': // EMPTY_LIST
		m.push(&List{})
	case '}': // EMPTY_DICT
		m.push(&Dict{})
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		n := int(code) - 0x84
		if len(m.stack) < n {
			return errors.New("a value is missing on the stack")
		}
		items := append(Tuple(nil), m.stack[len(m.stack)-n:]...)
		m.stack = m.stack[:len(m.stack)-n]
		m.push(items)
	case 't', 'l', 'd': // TUPLE, LIST, DICT
		items, err := m.toMark()
		if err != nil {
			return err
		}
		switch code {
		case 't':
			m.push(Tuple(items))
		case 'l':
			m.push(&List{items})
		default:
			d := &Dict{}
			m.push(d)
			return d.set(items)
		}
	case 'a', 'e': // APPEND, APPENDS
		items, err := m.items(code == 'a', 1)
		if err != nil {
			return err
		}
		list, ok := m.top().(*List)
		if !ok {
			return fmt.Errorf("expected a list, got %T", m.top())
		}
		list.Items = append(list.Items, items...)
	case 's', 'u': // SETITEM, SETITEMS
		items, err := m.items(code == 's', 2)
		if err != nil {
			return err
		}
		dict, ok := m.top().(*Dict)
		if !ok {
			return fmt.Errorf("expected a dictionary, got %T", m.top())
		}
		return dict.set(items)
	}
	return nil
}

// items pops a fixed number of values, or those above the last mark.
func (m *machine) items(fixed bool, n int) ([]any, error) {
	if !fixed {
		return m.toMark()
	}
	if len(m.stack) < n {
		return nil, errors.New("a value is missing on the stack")
	}
	items := append([]any(nil), m.stack[len(m.stack)-n:]...)
	m.stack = m.stack[:len(m.stack)-n]
	return items, nil
}

func (m *machine) top() any {
	if len(m.stack) == 0 {
		return nil
	}
	return m.stack[len(m.stack)-1]
}

// set adds keys and values that follow each other.
func (d *Dict) set(items []any) error {
	if len(items)%2 != 0 {
		return errors.New("a key has no value")
	}
	for i := 0; i < len(items); i += 2 {
		d.Keys, d.Values = append(d.Keys, items[i]), append(d.Values, items[i+1])
	}
	return nil
}

func (m *machine) operateGlobal(code byte) error {
	switch code {
	case 'c': // GLOBAL
		module, err := m.line()
		if err != nil {
			return err
		}
		name, err := m.line()
		if err != nil {
			return err
		}
		return m.pushGlobal(module, name)
	case 0x93: // STACK_GLOBAL
		name, err := popAs[string](m, "a name")
		if err != nil {
			return err
		}
		module, err := popAs[string](m, "a module")
		if err != nil {
			return err
		}
		return m.pushGlobal(module, name)
	case 'R': // REDUCE
		arguments, err := popAs[Tuple](m, "arguments")
		if err != nil {
			return err
		}
		global, err := popAs[Global](m, "a function")
		if err != nil {
			return err
		}
		function := m.Globals[global.Module+"."+global.Name]
		if function == nil {
			return fmt.Errorf("%s.%s is not to be called", global.Module, global.Name)
		}
		v, err := function(arguments)
		m.push(v)
		return err
	case 'Q': // BINPERSID
		id, err := m.pop()
		if err != nil {
			return err
		}
		if m.Persistent == nil {
			return errors.New("a persistent id has no place here")
		}
		v, err := m.Persistent(id)
		m.push(v)
		return err
	}
	// BUILD: attributes of a dictionary, such as _metadata, are left out.
	if _, err := m.pop(); err != nil {
		return err
	}
	if _, ok := m.top().(*Dict); !ok {
		return fmt.Errorf("attributes are set of %T", m.top())
	}
	return nil
}

// pushGlobal looks a name up in the caller's list.
func (m *machine) pushGlobal(module, name string) error {
	if _, ok := m.Globals[module+"."+name]; !ok {
		return fmt.Errorf("%.100q.%.100q is named, which is code to be run: save the state dictionary alone, torch.save(model.state_dict(), path)", module, name)
	}
	m.push(Global{module, name})
	return nil
}
